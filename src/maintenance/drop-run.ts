/** Applying a plan of partitions to drop: one after the other, each asked again, under the lease. */
import type { Database, Transaction } from '../db/database.ts'
import { detachConcurrently, dropLeftBehind, forgetMarks } from '../db/detach-partition.ts'
import type { DropWaits } from '../db/drop-locks.ts'
import { dropPartition } from '../db/drop-partition.ts'
import { endsRun } from '../db/ends-run.ts'
import type { JobRun } from '../db/job-run.ts'
import { type Stop, stoppedAs } from '../db/pace.ts'
import { StewardError } from '../errors.ts'
import type { JobOutcome, JobResult, Kept } from '../model/job.ts'
import { sql } from '../model/sql.ts'
import type { DropItem, DropPlan } from './drop-partitions.ts'
import { type ItemResult, nameOf } from './job.ts'

/** What removing one item brought. */
export interface Removed {
  readonly rows: bigint
  readonly batches: number
  readonly kept?: readonly Kept[]
  readonly failures?: readonly string[]
  /** It ended before its end. */
  readonly stopped?: { readonly why: string; readonly outcome: 'unfinished' | 'interrupted' }
}

export interface DropOptions {
  readonly waits: DropWaits
  /** Removes the due rows of the default partition. */
  readonly removeRows: (item: DropItem) => Promise<Removed>
  /** In place of a plain drop: the rows are kept somewhere before. */
  readonly archive?: (item: DropItem, waits: DropWaits) => Promise<Removed>
}

export interface DropResult {
  readonly results: readonly ItemResult[]
  readonly job: JobResult
}

/**
 * Drops what the plan says, once each is asked again whether it is over.
 *
 * @throws what ends the whole run: a lost lease or connection
 */
export async function applyDrops(
  db: Database,
  plan: DropPlan,
  run: JobRun,
  options: DropOptions,
): Promise<DropResult> {
  const due = plan.items.filter(({ action }) => action === 'drop')
  const results: ItemResult[] = []
  const kept: Kept[] = []
  const failures: string[] = []
  let [rows, bytes, batches] = [0n, 0n, 0]
  let stop: Pick<JobResult, 'outcome' | 'why'> | undefined
  // Who did not let one partition go will not let the next one go either, most likely.
  let { attempts } = options.waits
  const { lockTimeoutMs } = options.waits
  await forgetMarks(db, plan.table, { guard: (tx) => run.lease.guard(tx), lockTimeoutMs })
  for (const item of due) {
    stop ??= asStop(await run.pace.next())
    const name = nameOf(item)
    run.onProgress({ label: `drop ${name}`, done: results.length, total: due.length, unit: 'tables' })
    const began = performance.now()
    const told = (outcome: ItemResult['outcome'], more: Partial<ItemResult> = {}): void => {
      results.push({ ...item, outcome, seconds: (performance.now() - began) / 1000, returnedBytes: 0n, ...more })
    }
    if (stop !== undefined) {
      told('stopped')
      continue
    }
    try {
      const removed = await remove(db, plan, item, run, { ...options, waits: { ...options.waits, attempts } })
      rows += removed.rows
      batches += removed.batches
      kept.push(...(removed.kept ?? []))
      failures.push(...(removed.failures ?? []))
      stop = removed.stopped
      const returnedBytes = item.way === 'rows' || stop !== undefined || removed.batches === 0 ? 0n : item.bytes
      bytes += returnedBytes
      const failed = removed.failures?.[0]
      if (stop !== undefined) told('stopped', { removed: removed.rows })
      else if (failed !== undefined) told('failed', { removed: removed.rows, error: failed })
      else told('done', { removed: removed.rows, returnedBytes })
    } catch (error) {
      if (!(error instanceof StewardError) || endsRun(error)) throw error
      if (error.code === 'lock-timeout') attempts = 1
      failures.push(`${name}: ${error.message}`)
      told('failed', { error: error.message })
    }
  }
  const done = results.filter(({ outcome }) => outcome === 'done').length
  const outcome: JobOutcome =
    stop?.outcome ?? (failures.length > 0 ? (done === 0 ? 'failed' : 'partial') : done === 0 ? 'nothing' : 'done')
  // All of a partition goes back to the operating system.
  const job = { outcome, rows, bytes, batches, kept: [...kept, ...keptWhole(plan)], failures, returnedBytes: bytes }
  return { results, job: { ...job, why: stop?.why ?? 'nothing more is due' } }
}

/** Whole months past the cutoff that stay. */
function keptWhole({ items }: DropPlan): Kept[] {
  return items
    .filter(({ action, over }) => action === 'keep' && over)
    .map((item) => ({ reason: `${nameOf(item)}: ${item.reason}`, rows: item.rows }))
}

async function remove(
  db: Database,
  { table, cutoff }: DropPlan,
  item: DropItem,
  run: JobRun,
  { waits, removeRows, archive }: DropOptions,
): Promise<Removed> {
  const partition = { schema: item.partitionSchema, name: item.partition }
  const guarded = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    db.transaction(
      async (tx) => {
        await run.lease.guard(tx)
        return work(tx)
      },
      { lockTimeoutMs: waits.lockTimeoutMs },
    )
  switch (item.way) {
    case 'rows':
      return removeRows(item)
    case 'left-behind':
      return told(await guarded((tx) => dropLeftBehind(tx, table, partition, waits)))
    case 'detach-concurrently': {
      const guard = (tx: Transaction) => run.lease.guard(tx)
      try {
        await detachConcurrently(db, table, partition, { guard, lockTimeoutMs: waits.lockTimeoutMs })
      } catch (error) {
        // Behind a pooler without a direct endpoint, or somebody in the way: as where it is not possible at all.
        if (!(error instanceof StewardError) || !OTHERWISE.includes(error.code)) throw error
        await forgetMarks(db, table, { guard, lockTimeoutMs: waits.lockTimeoutMs })
        return told(await guarded((tx) => dropPartition(tx, table, partition, sql`${cutoff}::timestamptz`, waits)))
      }
      return told(await guarded((tx) => dropLeftBehind(tx, table, partition, waits)))
    }
    default:
      if (archive !== undefined) return archive(item, waits)
      return told(await guarded((tx) => dropPartition(tx, table, partition, sql`${cutoff}::timestamptz`, waits)))
  }

  function told(dropped: boolean): Removed {
    return dropped ? { rows: item.rows, batches: 1 } : { rows: 0n, batches: 0 }
  }
}

const OTHERWISE: readonly string[] = ['direct-connection-needed', 'lock-timeout']

function asStop(
  stop: Stop | undefined,
): (Pick<JobResult, 'why'> & { outcome: 'unfinished' | 'interrupted' }) | undefined {
  if (stop === undefined) return undefined
  return { why: stop.why, outcome: stoppedAs(stop) }
}
