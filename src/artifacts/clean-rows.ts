/**
 * `delete-files` rules of entities whose rows name their files, and the marks of files whose rows are gone already
 * (decision 20). Mark, delete the file, delete the row: killed anywhere, the next run goes on from the marks.
 */
import { adaptiveSize, type Stop } from '../db/pace.ts'
import {
  InterruptedError,
  LockedError,
  OperationError,
  RefusedError,
  StewardError,
  UnfinishedError,
} from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { sql } from '../model/sql.ts'
import { BUSY } from './batch-rows.ts'
import { type BatchOutcome, cleanBatch, type Standing } from './clean-batch.ts'
import { countUnindexed, filedEntities, holdersIn, type PlacedSystem } from './holders.ts'
import { countKept } from './kept.ts'
import { markDue, type Position } from './mark-due.ts'
import { filedEntityOf, type RowTarget, rowTarget } from './row-target.ts'
import type { Cleaning, CleanResult } from './scope.ts'
import { Tally } from './tally.ts'
import { type Found, marksAfter, recordFailures } from './tombstones.ts'

const BATCH = { first: 1_000, least: 1, most: 10_000 } as const

/** What a smaller batch may get by: somebody in the way, too much at once, one row that cannot go. */
const SPLIT: readonly string[] = [
  'lock-timeout',
  'deadlock',
  'serialization-failure',
  'statement-timeout',
  'still-referenced',
]

/**
 * Deletes the files that a rule covers, with their rows; first what earlier runs have marked.
 *
 * @param rules every rule of the system that is on
 * @throws LockedError (exit 8) when the lease was lost; ConnectionError
 */
export async function cleanRule(
  cleaning: Cleaning,
  placed: PlacedSystem,
  scope: RuleScope,
  rules: readonly RuleScope[],
): Promise<CleanResult> {
  const target = await rowTarget(cleaning.db, placed, filedEntityOf(scope), rules)
  const tally = new Tally(target.entity.name)
  const standing = lazyStanding(cleaning)
  const label = `clean ${placed.schema}/${scope.applied.rule.name}`
  const keeping = countKept(cleaning.db, target, scope).catch((error: unknown) => error)
  const stop =
    (await cleanMarks(cleaning, target, standing, tally, label, true)) ??
    (await cleanDue(cleaning, target, scope, standing, tally, label))
  const kept = await keeping
  if (!Array.isArray(kept)) throw kept
  for (const { reason, rows } of kept) tally.keep(reason, Number(rows))
  return tally.result(stop, cleaning.limit)
}

/**
 * Deletes the files whose rows are gone, and ends the marks of entities that no rule is on for.
 *
 * @param rules every rule of the system that is on
 * @throws LockedError (exit 8) when the lease was lost; ConnectionError
 */
export async function cleanTombstones(
  cleaning: Cleaning,
  placed: PlacedSystem,
  rules: readonly RuleScope[],
): Promise<CleanResult> {
  const tally = new Tally('file of')
  const standing = lazyStanding(cleaning)
  const label = `clean ${placed.schema}/tombstones`
  let stop: Pick<Stop, 'why' | 'error'> | undefined
  for (const entity of filedEntities(placed)) {
    const target = await rowTarget(cleaning.db, placed, entity, rules)
    stop ??= await cleanMarks(cleaning, target, standing, tally, label, false)
    if (target.rules.length === 0) stop ??= await cleanMarks(cleaning, target, standing, tally, label, true)
  }
  return tally.result(stop, cleaning.limit)
}

/** Looked for once there is a file to delete: it reads whole tables. */
function lazyStanding({ db, systems }: Cleaning): () => Promise<Standing> {
  let made: Promise<Standing> | undefined
  return () => {
    made ??= (async () => {
      const holders = await holdersIn(db, systems)
      return { holders, unindexed: await countUnindexed(db, holders) }
    })()
    return made
  }
}

/** Ends what is marked: what nobody tried yet, then what failed before, each once. */
async function cleanMarks(
  cleaning: Cleaning,
  target: RowTarget,
  standing: () => Promise<Standing>,
  tally: Tally,
  label: string,
  rowStays: boolean,
): Promise<Pick<Stop, 'why' | 'error'> | undefined> {
  const { db, run, batch = BATCH } = cleaning
  const size = adaptiveSize({ ...batch, targetMs: run.batchMs })
  const { before } = await db.one<{ before: string }>(sql`SELECT clock_timestamp()::text AS before`)
  for (const tried of [false, true]) {
    for (let after = ''; ; ) {
      const limit = Math.min(size.current, left(cleaning, tally))
      if (limit === 0 || tally.silentStore !== undefined) return undefined
      const marks = await marksAfter(db, target.owner, { rowStays, tried, before, after, limit })
      const last = marks.at(-1)
      if (last === undefined) break
      const stop = await run.pace.next()
      if (stop !== undefined) return stop
      const stopped = await stoppable(cleanInParts(cleaning, target, await standing(), marks, tally, size))
      if (stopped !== undefined) return stopped
      run.onProgress({ label, done: tally.handled, unit: 'files' })
      after = last.id
    }
  }
  return undefined
}

/** Marks what is due, the oldest first, and deletes it while the next batch is marked. */
async function cleanDue(
  cleaning: Cleaning,
  target: RowTarget,
  scope: RuleScope,
  standing: () => Promise<Standing>,
  tally: Tally,
  label: string,
): Promise<Pick<Stop, 'why' | 'error'> | undefined> {
  const { run, batch = BATCH } = cleaning
  const size = adaptiveSize({ ...batch, targetMs: run.batchMs })
  let marked = 0
  let after: Position | undefined
  let working: Promise<Pick<Stop, 'why' | 'error'> | undefined> = Promise.resolve(undefined)
  try {
    for (;;) {
      const limit = Math.min(size.current, left(cleaning, tally) - marked)
      if (limit <= 0 || tally.silentStore !== undefined) return await working
      const stop = await run.pace.next()
      if (stop !== undefined) return (await working) ?? stop
      const found = await markDue(cleaning, target, scope, after, limit)
      const stopped = await working
      marked = 0
      if (stopped !== undefined) return stopped
      run.onProgress({ label, done: tally.handled, unit: 'files' })
      const last = found.at(-1)
      if (last === undefined) return undefined
      after = { age: last.age, id: last.id }
      marked = found.length
      const ready = standing()
      working = stoppable(ready.then((one) => cleanInParts(cleaning, target, one, found, tally, size)))
    }
  } finally {
    // Whatever ended the loop, the batch in flight is not left alone.
    await working.catch(() => {})
  }
}

function left({ limit }: Cleaning, { handled }: Tally): number {
  return limit === undefined ? Number.MAX_SAFE_INTEGER : Math.max(0, limit - handled)
}

/** A batch; in halves where somebody is in the way, until a single row is. */
async function cleanInParts(
  cleaning: Cleaning,
  target: RowTarget,
  standing: Standing,
  marks: readonly Found[],
  tally: Tally,
  size: ReturnType<typeof adaptiveSize>,
): Promise<void> {
  const began = performance.now()
  try {
    const outcome = await cleanBatch(cleaning, target, standing, marks)
    size.took(marks.length, performance.now() - began)
    tally.add(outcome, marks.length)
  } catch (error) {
    if (!(error instanceof StewardError) || !SPLIT.includes(error.code) || isLeaseLost(error)) throw error
    if (marks.length > 1) {
      size.shrink()
      const middle = marks.length >> 1
      await cleanInParts(cleaning, target, standing, marks.slice(0, middle), tally, size)
      await cleanInParts(cleaning, target, standing, marks.slice(middle), tally, size)
      return
    }
    tally.add(await single(cleaning, target, marks, error), marks.length)
  }
}

/** What becomes of one row that cannot go: another session has it, or the database refuses. */
async function single(
  { db, run }: Cleaning,
  { owner }: RowTarget,
  marks: readonly Found[],
  error: StewardError,
): Promise<BatchOutcome> {
  const nothing = { rows: 0, removed: [], missing: 0, shared: 0, lifted: 0, failed: [], kept: new Map(), silent: [] }
  if (!(error instanceof RefusedError || error instanceof OperationError) || error.code === 'deadlock') {
    return { ...nothing, kept: new Map([[BUSY, marks.length]]) }
  }
  const failed = marks.map(({ id }) => ({ id, reason: error.message }))
  await db.transaction(async (tx) => {
    await run.lease.guard(tx)
    await recordFailures(tx, owner, run.runId, failed)
  })
  return { ...nothing, failed }
}

function isLeaseLost(error: StewardError): boolean {
  return error instanceof LockedError && error.code === 'lease-lost'
}

/** A stop request that ended a statement is an end like any other. */
async function stoppable(work: Promise<void>): Promise<Pick<Stop, 'why' | 'error'> | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof InterruptedError || error instanceof UnfinishedError) return { why: error.message, error }
    throw error
  }
}
