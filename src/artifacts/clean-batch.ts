/**
 * One batch of marks in one transaction: rows locked and asked again, rows deleted, files removed, marks removed,
 * committed.
 *
 * The rows' DELETE is the first to be issued and the last to be seen. What the database refuses (a foreign key, a
 * trigger, row security) is known before a file is touched; nobody sees a row gone whose file is there; and a crash in
 * between leaves row and mark, with which the next run finds the file missing and ends what was begun.
 */
import type { Transaction } from '../db/database.ts'
import { RefusedError, StewardError } from '../errors.ts'
import { IN_USE } from '../model/job.ts'
import { eachAtOnce } from '../model/several.ts'
import { raw } from '../model/sql.ts'
import type { Store } from '../storage/store.ts'
import { awake } from './awake.ts'
import { deleteRows, idsOf, lockRows, whyNot, without } from './batch-rows.ts'
import { refusalOf, removeFiles, storeOf } from './files.ts'
import { type Holders, heldAmong } from './holders.ts'
import { endBatch, markSingly } from './mark-batches.ts'
import { FILES_AT_ONCE } from './quarantine.ts'
import { lockParents, type RowTarget } from './row-target.ts'
import type { Cleaning } from './scope.ts'
import { type Found, recordFailures, removeMarks } from './tombstones.ts'
import { canonicalUri, isPlain } from './uri.ts'
import type { UriCounts } from './uri-counts.ts'

/** Who stands for files, as it was found at the beginning of the run. */
export interface Standing {
  readonly holders: Holders
  readonly unindexed: UriCounts
}

export interface BatchOutcome {
  /** Rows that were deleted with their marks. */
  readonly rows: number
  readonly removed: readonly Found[]
  readonly missing: number
  /** Marks that went although the file stays: another row stands for it. */
  readonly shared: number
  /** Marks taken back. */
  readonly lifted: number
  readonly failed: readonly { readonly id: string; readonly reason: string }[]
  /** Rows that stay, by reason. */
  readonly kept: ReadonlyMap<string, number>
  readonly silent: readonly { readonly store: string; readonly reason: string }[]
}

/** What is cleaned in one transaction. */
export interface Batch {
  readonly marks: readonly Found[]
  /** The mark of all of them, where they have none of their own. */
  readonly id?: bigint
  /**
   * Whether the batch before came to its end: it works on its files while the server works on the rows of this one,
   * which waits for it before it takes a file for nobody's.
   */
  readonly before?: Promise<boolean>
}

/** The batch before came to nothing, and this one with it. */
export class Overtaken extends Error {}

/** Milliseconds that a batch waits for a lock that SKIP LOCKED does not pass over. */
const LOCK_MS = 1_000

export async function cleanBatch(
  cleaning: Cleaning,
  target: RowTarget,
  standing: Standing,
  batch: Batch,
): Promise<BatchOutcome> {
  const { db, run, stores } = cleaning
  const { marks } = batch
  const { system } = target.placed
  const refused = marks.flatMap(({ id, uri }) => {
    const reason = refusalOf(stores, uri)
    return reason === undefined ? [] : [{ id, reason }]
  })
  const without = new Set(refused.map(({ id }) => id))
  const doable = without.size === 0 ? marks : marks.filter(({ id }) => !without.has(id))
  const outcome = await db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      const done = await inTransaction(cleaning, target, standing, tx, { ...batch, marks: doable })
      const failed = [...refused, ...done.failed]
      if (batch.id !== undefined) {
        await markSingly(tx, batch.id, leftOf(marks, done.ended))
        await endBatch(tx, batch.id)
      }
      await recordFailures(tx, target.owner, run.runId, failed)
      await cleaning.at?.('committing')
      return { ...done, failed }
    },
    {
      lockTimeoutMs: LOCK_MS,
      settings: {
        ...system.movesWith,
        ...(system.actorSetting === undefined ? {} : { [system.actorSetting]: run.actor.osUser }),
      },
    },
  )
  for (const { uri } of outcome.counted) standing.unindexed.take(canonicalUri(uri))
  await cleaning.at?.('committed')
  return outcome
}

function leftOf(marks: readonly Found[], ended: readonly Found[]): string[] {
  if (ended.length === marks.length) return []
  const over = new Set(idsOf(ended))
  return idsOf(marks).filter((id) => !over.has(id))
}

interface InTransaction extends BatchOutcome {
  /** Marks that are over. */
  readonly ended: readonly Found[]
  /** Rows that went and that the bag of the run counts. */
  readonly counted: readonly Found[]
}

async function inTransaction(
  cleaning: Cleaning,
  target: RowTarget,
  standing: Standing,
  tx: Transaction,
  { marks, id: batch, before }: Batch,
): Promise<InTransaction> {
  const kept = new Map<string, number>()
  const keep = (reason: string, rows: number) => rows > 0 && kept.set(reason, (kept.get(reason) ?? 0) + rows)

  const { mine, changed, gone, busy } = await lockRows(target, tx, marks, batch)
  keep(IN_USE, busy)
  const parents = await lockParents(tx, target, idsOf(mine))
  await tx.execute(raw('SAVEPOINT steward_rows'))
  let deleted = await deleteRows(target, tx, mine, parents)
  const stays = await whyNot(target, tx, without(mine, deleted), parents)
  for (const [reason, some] of stays.kept) keep(reason, some)

  const going = [...deleted, ...gone]
  // Nearly all are written as they should be, and looked for in an empty map.
  const oddly = new Map(going.filter(({ uri }) => !isPlain(uri)).map(({ uri }) => [uri, canonicalUri(uri)]))
  const fileOf = ({ uri }: Found) => oddly.get(uri) ?? uri
  const own = ownCounts(standing, target, deleted)
  // One way to write each file, as the first of its rows does.
  const written = new Map(going.map((mark) => [fileOf(mark), mark.uri]))
  const oddlyHeld = (uri: string) => standing.unindexed.count(uri) > (own.get(uri) ?? 0)
  let held = await heldAmong(tx, standing.holders, [...written.keys()], oddlyHeld)
  if (before !== undefined) {
    if (!(await awake(tx, () => before))) throw new Overtaken()
    // Its rows stood for their files until it was committed.
    if (held.size > 0) held = await heldAmong(tx, standing.holders, [...held.keys()], oddlyHeld)
  }
  const files = [...written].filter(([file]) => !held.has(file)).map(([, uri]) => uri)
  await cleaning.at?.('removing')
  const removals =
    files.length === 0 ? { of: new Map(), silent: [] } : await awake(tx, () => removeFiles(cleaning.stores, files))
  await cleaning.at?.('removed')

  // One answer for each file, told to all its rows.
  const answerOf = (mark: Found) => removals.of.get(written.get(fileOf(mark)) ?? mark.uri)
  const failed = going.flatMap((mark) => {
    const answer = answerOf(mark)
    if (answer?.outcome !== 'failed' && answer?.outcome !== 'refused') return []
    return [{ id: mark.id, reason: answer.outcome === 'refused' ? `refused: ${answer.reason}` : answer.reason }]
  })
  const stuck = new Set(failed.map(({ id }) => id))
  if (failed.length > 0) {
    // Their rows come back; those of the files that went go again.
    await tx.execute(raw('ROLLBACK TO SAVEPOINT steward_rows'))
    deleted = await deleteRows(
      target,
      tx,
      deleted.filter(({ id }) => !stuck.has(id)),
      parents,
    )
  }
  await tx.execute(raw('RELEASE SAVEPOINT steward_rows'))

  const released = gone.filter(({ id }) => !stuck.has(id))
  const lifted = [...changed, ...(await stillThere(cleaning, stays.uncovered))]
  const ended = [...deleted, ...released, ...lifted]
  await removeMarks(tx, target.owner, idsOf(batch === undefined ? ended : released))

  const finished = [...deleted, ...released]
  const removed: Found[] = []
  const seen = new Set<string>()
  let [missing, shared] = [0, 0]
  for (const mark of finished) {
    const file = fileOf(mark)
    if (held.has(file)) shared += 1
    if (seen.has(file)) continue
    seen.add(file)
    const outcome = answerOf(mark)?.outcome
    if (outcome === 'removed') removed.push(mark)
    else if (outcome === 'missing') missing += 1
  }
  return {
    ended,
    rows: deleted.length,
    removed,
    missing,
    shared,
    lifted: lifted.length,
    failed,
    kept,
    silent: removals.silent,
    counted: deleted.filter(({ uri }) => isCounted(standing, target, uri)),
  }
}

/** How often the rows that go are in the bag of what no index finds. */
function ownCounts(standing: Standing, target: RowTarget, rows: readonly Found[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { uri } of rows) {
    if (!isCounted(standing, target, uri)) continue
    const canonical = canonicalUri(uri)
    counts.set(canonical, (counts.get(canonical) ?? 0) + 1)
  }
  return counts
}

/** Whether a live row of the target is in the bag of what no index finds. */
function isCounted({ holders }: Standing, { placed, entity }: RowTarget, uri: string): boolean {
  const table = holders.tables.find(
    (one) => one.kind === 'live' && one.schema === placed.schema && one.table === entity.table,
  )
  return table?.indexed === false || !isPlain(uri)
}

/**
 * Those whose file is there: their marks are taken back. One whose file went in a run that was killed keeps its mark, so
 * that it is ended as soon as a rule covers the row again.
 */
async function stillThere({ stores }: Cleaning, marks: readonly Found[]): Promise<Found[]> {
  const lifted: Found[] = []
  await eachAtOnce(marks, FILES_AT_ONCE, async (mark) => {
    const store = storeOf(stores, mark.uri)
    if (store === undefined || (await isThere(store, mark.uri))) lifted.push(mark)
  })
  return lifted
}

/** What a store refuses to look at was not deleted by us; of one that does not answer nothing is known. */
async function isThere(store: Store, uri: string): Promise<boolean> {
  try {
    return (await store.stat(uri)) !== undefined
  } catch (error) {
    if (error instanceof RefusedError) return true
    if (error instanceof StewardError) return false
    throw error
  }
}
