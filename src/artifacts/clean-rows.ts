/**
 * `delete-files` rules of entities whose rows name their files, and the marks of files whose rows are gone already
 * (decision 20). Mark, delete the file, delete the row: killed anywhere, the next run goes on from the marks.
 */
import { adaptiveSize, type BatchSize, type Stop } from '../db/pace.ts'
import {
  InterruptedError,
  LockedError,
  OperationError,
  RefusedError,
  StewardError,
  UnfinishedError,
} from '../errors.ts'
import type { RuleScope } from '../model/due.ts'
import { IN_USE } from '../model/job.ts'
import { sql } from '../model/sql.ts'
import { type Batch, type BatchOutcome, cleanBatch, Overtaken, type Standing } from './clean-batch.ts'
import { countUnindexed, filedEntities, holdersIn, type PlacedSystem } from './holders.ts'
import { countKept } from './kept.ts'
import { hasBatches, type MarkedBatch, unfoldBatches } from './mark-batches.ts'
import { markDue } from './mark-due.ts'
import { filedEntityOf, type RowTarget, rowTarget } from './row-target.ts'
import type { Cleaning, CleanResult } from './scope.ts'
import { Tally } from './tally.ts'
import { type Found, hasMarks, marksAfter, recordFailures } from './tombstones.ts'

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
  const counting = cleaning.kept ?? countKept(cleaning.db, target, scope)
  const keeping = Promise.resolve(counting).catch((error: unknown) => error)
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
  if (rowStays && (await hasBatches(db, target.owner))) await unfold(cleaning, target)
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
      const stopped = await stoppable(
        cleanInParts({ cleaning, target, standing: await standing(), tally, size }, { marks }),
      )
      if (stopped !== undefined) return stopped
      run.onProgress({ label, done: tally.handled, unit: 'files' })
      after = last.id
    }
  }
  return undefined
}

/** Marks all of an owner's batches, or of one, file by file. */
async function unfold({ db, run }: Cleaning, { owner }: RowTarget, batch?: bigint): Promise<void> {
  await db.transaction(async (tx) => {
    await run.lease.guard(tx)
    await unfoldBatches(tx, owner, batch)
  })
}

/**
 * Marks what is due, the oldest first, and deletes it in batches, two of which are in hand: while the files of one go,
 * the server deletes the rows of the next.
 */
async function cleanDue(
  cleaning: Cleaning,
  target: RowTarget,
  scope: RuleScope,
  standing: () => Promise<Standing>,
  tally: Tally,
  label: string,
): Promise<Pick<Stop, 'why' | 'error'> | undefined> {
  const { run, batch: bounds = BATCH } = cleaning
  const size = adaptiveSize({ ...bounds, targetMs: run.batchMs })
  const someMarked = await hasMarks(cleaning.db, target.owner)
  const most = left(cleaning, tally)
  let marked = 0
  let after: MarkedBatch['last'] | undefined
  let [older, newer] = [IDLE, IDLE]
  try {
    for (;;) {
      const limit = Math.min(size.current, most - marked)
      if (limit <= 0 || tally.silentStore !== undefined) return await newer.end
      const stop = await run.pace.next()
      if (stop !== undefined) return (await newer.end) ?? stop
      const found = await markDue(cleaning, target, scope, { after, limit, someMarked })
      const stopped = found === undefined ? await newer.end : await older.end
      if (found === undefined || stopped !== undefined) return stopped
      run.onProgress({ label, done: tally.handled, unit: 'files' })
      after = found.last
      marked += found.marks.length
      older = newer
      newer = begin({ cleaning, target, standing: await standing(), tally, size }, found, older)
    }
  } finally {
    // Whatever ended the loop, no batch in flight is left alone.
    await Promise.allSettled([older.end, newer.end])
  }
}

/** A batch in hand. */
interface InHand {
  /** True when it was committed, false when the first attempt came to nothing; never rejects. */
  readonly tried: Promise<boolean>
  readonly work: Promise<void>
  /** As `work`; a stop request is a value of it. */
  readonly end: Promise<Pick<Stop, 'why' | 'error'> | undefined>
}

const IDLE: InHand = { tried: Promise.resolve(true), work: Promise.resolve(), end: Promise.resolve(undefined) }

/**
 * A batch whose predecessor is in hand, too. It never holds its connection while that one needs another: where the first
 * attempt of the predecessor fails, this one is rolled back and begun anew behind it.
 */
function begin(hand: Hand, { id, marks }: MarkedBatch, { tried: before, work: earlier }: InHand): InHand {
  const attempt = cleanBatch(hand.cleaning, hand.target, hand.standing, { id, marks, before })
  const work = cleanInParts(hand, { id, marks }, attempt, earlier)
  const end = stoppable(work)
  // It is asked for when the next batch is marked, and may have failed long before.
  end.catch(() => {})
  const tried = attempt.then(
    () => true,
    () => false,
  )
  return { tried, work, end }
}

function left({ limit }: Cleaning, { handled }: Tally): number {
  return limit === undefined ? Number.MAX_SAFE_INTEGER : Math.max(0, limit - handled)
}

/** What batches of a run have in common. */
interface Hand {
  readonly cleaning: Cleaning
  readonly target: RowTarget
  readonly standing: Standing
  readonly tally: Tally
  readonly size: BatchSize
}

/**
 * A batch; in halves where somebody is in the way, until a single row is.
 *
 * @param attempt that was begun already
 * @param earlier what is to be over before another attempt
 */
async function cleanInParts(
  hand: Hand,
  batch: Batch,
  attempt?: Promise<BatchOutcome>,
  earlier?: Promise<void>,
): Promise<void> {
  const { cleaning, target, standing, tally, size } = hand
  const { marks, id } = batch
  const began = performance.now()
  try {
    const outcome = await (attempt ?? cleanBatch(cleaning, target, standing, batch))
    size.took(marks.length, performance.now() - began)
    tally.add(outcome, marks.length)
  } catch (error) {
    await earlier
    if (error instanceof Overtaken) return cleanInParts(hand, batch)
    if (!(error instanceof StewardError) || !SPLIT.includes(error.code) || isLeaseLost(error)) throw error
    if (id !== undefined) await unfold(cleaning, target, id)
    if (marks.length > 1) {
      size.shrink()
      const middle = marks.length >> 1
      for (const half of [marks.slice(0, middle), marks.slice(middle)]) await cleanInParts(hand, { marks: half })
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
    return { ...nothing, kept: new Map([[IN_USE, marks.length]]) }
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
