/** Retention by whole months, put together: dropping, archiving before it, and rows that lie in no month of their own. */
import type { Database } from '../../db/database.ts'
import type { DropWaits } from '../../db/drop-locks.ts'
import type { JobRun } from '../../db/job-run.ts'
import { stoppedAs } from '../../db/pace.ts'
import { LockedError } from '../../errors.ts'
import type { DropItem, DropPlan } from '../../maintenance/drop-partitions.ts'
import type { DropResult, Removed } from '../../maintenance/drop-run.ts'
import type { RuleScope } from '../../model/due.ts'
import { type JobResult, NO_WORK } from '../../model/job.ts'
import { allOf, identifier, quoteIdentifier, sql } from '../../model/sql.ts'

/**
 * Rows up to which a partition is archived by one copy; it is the batch in flight that the end of `--run-time` waits
 * for. Those of a larger one move batch by batch first.
 */
const MOST_COPIED = 1_000_000n

/**
 * Does what the plan says. Where the table is not partitioned by the rule's field, the due rows go one by one, as for a
 * rule that deletes (or archives) rows.
 */
export async function dropDue(
  db: Database,
  rule: RuleScope,
  plan: DropPlan,
  run: JobRun,
  waits: DropWaits,
): Promise<DropResult> {
  if (plan.otherwise !== undefined) {
    const job = plan.otherwise === 'absent' ? NOTHING_THERE : await byRows(db, rule, run)
    return { results: [], job }
  }
  const { applyDrops } = await import('../../maintenance/drop-run.ts')
  return applyDrops(db, plan, run, {
    waits,
    removeRows: async (item) => removedOf(await byRows(db, rule, run, item)),
    ...(rule.applied.rule.archives
      ? { archive: (item, patience) => archive(db, rule, plan, run, patience, item) }
      : {}),
  })
}

const NOTHING_THERE: JobResult = { ...NO_WORK, outcome: 'nothing', why: 'its table is not there' }

async function archive(
  db: Database,
  rule: RuleScope,
  { table, cutoff }: DropPlan,
  run: JobRun,
  waits: DropWaits,
  item: DropItem,
): Promise<Removed> {
  const { archivePartition, GAVE_WAY } = await import('../../archive/partition.ts')
  const place = { schema: item.partitionSchema, name: item.partition }
  const options = { table, cutoff: sql`${cutoff}::timestamptz`, waits }
  const whole = async (): Promise<Removed> => {
    try {
      const { rows, batches, dropped } = await archivePartition(db, rule, place, run, options)
      // An empty one has no batch, and is gone all the same.
      return { rows, batches: Math.max(batches, Number(dropped)) }
    } catch (error) {
      // The run says why it stops, or that the lease is lost.
      const stop = run.signal.aborted ? await run.pace.next() : undefined
      if (stop === undefined) throw error
      return { rows: 0n, batches: 0, stopped: { why: stop.why, outcome: stoppedAs(stop) } }
    }
  }
  if (item.rows <= MOST_COPIED) {
    try {
      return await whole()
    } catch (error) {
      if (!(error instanceof LockedError && error.code === GAVE_WAY)) throw error
    }
  }
  // Batches of rows keep nobody waiting; what comes meanwhile is little, and goes with the partition.
  const before = removedOf(await byRows(db, rule, run, item))
  if (before.stopped !== undefined || (before.failures ?? []).length > 0) return before
  const rest = await whole()
  return { ...rest, rows: rest.rows + before.rows, batches: rest.batches + before.batches }
}

/** The due rows of the whole table, or of one partition, batch by batch: the engine of `archive` and `delete` rules. */
async function byRows(db: Database, rule: RuleScope, run: JobRun, item?: DropItem): Promise<JobResult> {
  const [{ runArchive }, { selectionOfRule }] = await Promise.all([
    import('../../archive/run.ts'),
    import('../../archive/selection.ts'),
  ])
  const { applied } = rule
  const action = applied.rule.archives ? 'archive' : 'delete'
  const selection = selectionOfRule({ ...rule, applied: { ...applied, rule: { ...applied.rule, action } } })
  if (item === undefined) return runArchive(db, selection, run)
  const place = `${quoteIdentifier(item.partitionSchema)}.${quoteIdentifier(item.partition)}`
  const within = (alias: string) => sql`${identifier(alias, 'tableoid')} = ${place}::regclass`
  return runArchive(db, { ...selection, due: (alias) => allOf([selection.due(alias), within(alias)]) }, run)
}

function removedOf({ outcome, rows, batches, kept, failures, why }: JobResult): Removed {
  const stopped = outcome === 'unfinished' || outcome === 'interrupted' ? { stopped: { why, outcome } } : {}
  return { rows, batches, kept, failures, ...stopped }
}
