/**
 * Exporting closed batches: files are written, read back and compared before any row is let go.
 *
 * The order for each batch: every file under its name (`Store.write` makes it whole and durable), the manifest last,
 * all of them read back, then one transaction that deletes the rows. Killed anywhere before the last, the rows are
 * where they were and the files are of no effect; the next run finds those that are right and keeps them.
 */
import type { Database } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import { stoppedAs } from '../../db/pace.ts'
import { ConnectionError, InterruptedError, LockedError, StewardError, UsageError } from '../../errors.ts'
import type { JobOutcome, JobResult } from '../../model/job.ts'
import { sql } from '../../model/sql.ts'
import type { Store } from '../../storage/store.ts'
import { type ExportedBatch, type ExportOptions, exportBatch } from './export-batch.ts'
import { coldHead } from './head.ts'

export type { ExportedBatch, ExportOptions } from './export-batch.ts'

export interface ExportResult extends JobResult {
  readonly exported: readonly ExportedBatch[]
}

/**
 * So many failures in a row, or so many milliseconds of nothing but failures, and the store or the database is in trouble
 * rather than a batch. A server that never answers takes its two minutes for each.
 */
const HOPELESS = { failures: 5, ms: 120_000 }

/**
 * Exports batches one after the other; a batch that fails does not stop the others.
 *
 * @param batches ids; those that are not `archived` any more when their turn comes are skipped
 * @returns what was done, also when it was stopped or a batch failed
 * @throws UsageError for formats that cannot be loaded again; LockedError when the lease was lost; ConnectionError when
 *   the database cannot be reached
 */
export async function exportBatches(
  db: Database,
  batches: readonly bigint[],
  store: Store,
  run: JobRun,
  options: ExportOptions,
): Promise<ExportResult> {
  expectLoadable(options)
  const exported: ExportedBatch[] = []
  let failuresInARow = 0
  let lastGood = performance.now()
  for (const batchId of batches) {
    const stop = await run.pace.next()
    if (stop !== undefined) {
      return summed(exported, stoppedAs(stop), stop.why)
    }
    const done = await exportOne(db, batchId, store, run, options).catch((error: unknown) => {
      throw withExported(error, exported)
    })
    // Requests to a store end when a stop is asked for; the batch has lost nothing, and its files have no effect yet.
    if (done instanceof InterruptedError) return summed(exported, 'interrupted', done.message)
    exported.push(done)
    failuresInARow = done.outcome === 'failed' ? failuresInARow + 1 : 0
    if (failuresInARow === 0) lastGood = performance.now()
    const isHopeless = failuresInARow >= HOPELESS.failures || performance.now() - lastGood > HOPELESS.ms
    if (isHopeless && exported.length < batches.length) {
      const what = failuresInARow === 1 ? '1 batch' : `${failuresInARow} batches in a row`
      return summed(exported, undefined, `${what} failed, so the others were not tried`)
    }
  }
  return summed(
    exported,
    undefined,
    batches.length === 0 ? 'no batch is to be exported' : 'every batch was looked at',
  )
}

/** @throws UsageError when rows would be let go with files that nothing can load */
export function expectLoadable({ formats, keepRows }: Pick<ExportOptions, 'formats' | 'keepRows'>): void {
  if (keepRows || formats.includes('copy')) return
  throw new UsageError({
    code: 'no-loadable-format',
    message: 'Rows are let go only with COPY files: a restore loads those, Parquet is for analysis',
    hint: 'Add copy to the formats, or keep the rows with --keep-rows',
  })
}

function summed(exported: readonly ExportedBatch[], stopped: JobOutcome | undefined, why: string): ExportResult {
  const did = exported.filter(({ outcome }) => outcome === 'exported' || outcome === 'written')
  const failed = exported.filter(({ outcome }) => outcome === 'failed')
  const sum = (of: (batch: ExportedBatch) => bigint) => did.reduce((total, batch) => total + of(batch), 0n)
  const allFailed = failed.length > 0 && failed.length === exported.length
  const outcome = allFailed
    ? 'failed'
    : failed.length > 0
      ? 'partial'
      : (stopped ?? (did.length === 0 ? 'nothing' : 'done'))
  return {
    outcome,
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    batches: did.length,
    kept: [],
    failures: failed.map(({ batchId, reason }) => `batch ${batchId}: ${reason}`),
    why,
    exported,
  }
}

async function exportOne(
  db: Database,
  batchId: bigint,
  store: Store,
  run: JobRun,
  options: ExportOptions,
): Promise<ExportedBatch | InterruptedError> {
  try {
    const head = await coldHead(db, batchId)
    if (head.state !== 'archived') {
      return { batchId, outcome: 'skipped', rows: 0n, bytes: 0n, reason: `it is ${head.state} already` }
    }
    return await exportBatch(db, head, store, run, options)
  } catch (error) {
    if (error instanceof InterruptedError) return error
    if (!(error instanceof StewardError)) throw error
    const end = await endOfRun(db, error)
    if (end !== undefined) throw end
    const problems = error.problems.map(({ where, reason }) => `${where ?? ''}: ${reason}`)
    return {
      batchId,
      outcome: 'failed',
      rows: 0n,
      bytes: 0n,
      reason: [error.message, ...problems].join('; '),
    }
  }
}

/** The error that ends the run, if it does: nothing more may be written, or the database does not answer any more. */
async function endOfRun(db: Database, error: StewardError): Promise<unknown> {
  if (error instanceof LockedError) return error.code === 'lease-lost' ? error : undefined
  const ofConnection = error instanceof ConnectionError || LOST.has(error.code)
  // One that answers makes it a matter of this batch, or of the store.
  return ofConnection
    ? db.one(sql`SELECT 1`).then(
        () => undefined,
        (reason: unknown) => reason,
      )
    : undefined
}

/** The error that ends a run, with what was exported before it: nothing else would say so. */
function withExported(error: unknown, batches: readonly ExportedBatch[]): unknown {
  const ids = batches
    .filter(({ outcome }) => outcome === 'exported' || outcome === 'written')
    .map(({ batchId }) => batchId)
  const Kind = [ConnectionError, LockedError].find((kind) => error instanceof kind)
  if (ids.length === 0 || Kind === undefined || !(error instanceof StewardError)) return error
  const { code, message, hint, problems, details } = error
  const named = ids.length > NAMED ? `${ids.slice(0, NAMED).join(', ')}, …` : ids.join(', ')
  const before = `${ids.length === 1 ? 'Batch' : 'Batches'} ${named} ${ids.length === 1 ? 'was' : 'were'} exported before`
  return new Kind({
    code,
    message,
    hint: hint === undefined ? before : `${before}. ${hint}`,
    problems,
    details: { ...details, exported: ids.map(String) },
    cause: error,
  })
}

/** Batches named in a hint; all of them are in the details. */
const NAMED = 10

/** Codes of a connection that broke while it was used. */
const LOST = new Set(['connection-lost', 'commit-unknown'])
