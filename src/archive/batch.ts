/**
 * One batch, one transaction: the lease asked, the tables held in the form they were planned with, roots and all that
 * is below them locked, moved, counted on both sides, recorded, and the cursor stored. Whatever ends it before its
 * commit leaves everything as it was.
 */
import type { Database, Transaction } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { leaseName } from '../db/lease.ts'
import { LockedError } from '../errors.ts'
import { IN_USE, type Kept } from '../model/job.ts'
import { identifier, join, sql } from '../model/sql.ts'
import { type Candidate, candidateRows, type Position, positionColumns, storeCursor } from './candidates.ts'
import { fingerprintSql } from './catalog.ts'
import type { Table } from './catalog-tables.ts'
import { type Closure, closureOf, type Detached, dueAmong } from './closure.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { deletedSoFar, move, refuseUnlisted } from './move.ts'
import { MOVING } from './moving.ts'
import { Keeping } from './reasons.ts'
import { nextBatchId, recordBatch, recordBatchTables } from './record.ts'
import { leavesWith, liesAt, PLANNER_SETTINGS, type Rows, relation, rowsSql } from './rows.ts'
import type { Selection } from './selection.ts'
import type { Shape } from './shape.ts'
import { recordTombstones } from './tombstones.ts'

/** What a run was planned with. */
export interface Prepared {
  readonly selection: Selection
  readonly shape: Shape
  /** Of everything that the shape depends on. */
  readonly fingerprint: string
  /** Of the rule's question, for the cursor. */
  readonly question: string
}

/** A column, key or partition has come or gone since the run was planned: it is planned anew. */
export class SchemaChanged extends Error {}

/** Another session holds a lock on a whole table, so that not even one row can be had. */
export class TablesBusy extends Error {}

export interface BatchOptions {
  /** Rows of one batch at most, unless one aggregate has more. */
  readonly mostRows: number
}

export interface BatchResult {
  readonly roots: number
  /** Rows that went, by table. */
  readonly rows: ReadonlyMap<string, bigint>
  readonly kept: readonly Kept[]
  readonly mayGoLater: boolean
  /** Candidates that were nowhere to be found: gone, changed, or moved elsewhere in the table meanwhile. */
  readonly missed: number
  /** References of rows that stay that were let go of. */
  readonly detached: number
  /** Files that were recorded as due. */
  readonly files: number
  readonly batchId: bigint | undefined
}

/** Milliseconds for each wait for a lock (design, "Database conventions"). */
const LOCK_MS = 1000

/** OIDs of everything that the fingerprint is about. */
export function concernedOids({ tables, holding, detaching }: Shape): number[] {
  const own = tables.flatMap(({ oid, leaves }) => [oid, ...leaves.map((leaf) => leaf.oid)])
  return [...new Set([...own, ...[...holding, ...detaching].map(({ child }) => child)])]
}

/**
 * Moves the candidates that are still due.
 *
 * @throws SchemaChanged, TooManyRows, TablesBusy; whatever the server refuses, after which nothing has changed
 */
export function runBatch(
  db: Database,
  prepared: Prepared,
  candidates: readonly Candidate[],
  run: JobRun,
  options: BatchOptions,
): Promise<BatchResult> {
  const settings = {
    ...TEXT_SETTINGS,
    // A policy that hides rows is an error, never fewer rows.
    row_security: 'off',
    ...PLANNER_SETTINGS,
    ...MOVING,
    ...prepared.selection.settings,
  }
  return db.transaction((tx) => batchIn(tx, prepared, candidates, run, options), {
    isolation: 'read committed',
    lockTimeoutMs: LOCK_MS,
    settings,
  })
}

async function batchIn(
  tx: Transaction,
  prepared: Prepared,
  candidates: readonly Candidate[],
  run: JobRun,
  { mostRows }: BatchOptions,
): Promise<BatchResult> {
  const { selection, shape } = prepared
  await run.lease.guard(tx)
  await holdTables(tx, prepared)
  const asked = candidateRows(candidates)
  const position = await positionOf(tx, prepared, candidates.at(-1))
  const due = await dueAmong(tx, shape.root, selection, asked, true)
  const keeping = new Keeping()
  const inUse =
    due.count === asked.count ? 0 : (await dueAmong(tx, shape.root, selection, asked.without(due), false)).count
  keeping.add(IN_USE, inUse)
  const closure = await closureOf(tx, due, { shape, selection, lock: true, mostRows })
  keeping.addAll(closure.kept)
  const owner = { runId: run.runId, leaseToken: run.lease.token(leaseName(selection.schema)) }
  const done = closure.roots.isEmpty ? NOTHING : await moveClosure(tx, prepared, closure, run)
  if (position !== undefined) await storeCursor(tx, selection, prepared.question, position, owner)
  return {
    ...done,
    roots: closure.roots.count,
    kept: keeping.list(),
    mayGoLater: closure.mayGoLater,
    missed: asked.count - due.count - inUse,
  }
}

const NOTHING = { rows: new Map<string, bigint>(), detached: 0, files: 0, batchId: undefined }

/**
 * Holds the tables as they are, and compares them with the run's plan. ROW EXCLUSIVE is in nobody's way who reads or
 * writes rows, and excludes every ALTER TABLE that matters, a new foreign key among them (manual, 13.3.1).
 */
async function holdTables(tx: Transaction, { shape, fingerprint }: Prepared): Promise<void> {
  const held = [...shape.tables, ...shape.detaching.map(({ child }) => shape.table(child))]
  try {
    await tx.execute(sql`LOCK TABLE ${join([...new Set(held)].map(relation))} IN ROW EXCLUSIVE MODE`)
  } catch (error) {
    if (error instanceof LockedError) throw new TablesBusy()
    throw error
  }
  const now = await tx.one<{ fingerprint: string | null }>(fingerprintSql(concernedOids(shape)))
  if (now.fingerprint !== fingerprint) throw new SchemaChanged()
}

/** Where the last candidate stands; undefined when it is not there any more. */
async function positionOf(
  tx: Transaction,
  { selection, shape: { root } }: Prepared,
  last: Candidate | undefined,
): Promise<Position | undefined> {
  const leaf = root.leaves.find(({ oid }) => oid === last?.leaf)
  if (last === undefined || leaf === undefined) return undefined
  return tx.maybeOne<Position>(sql`
    SELECT ${positionColumns(selection, root, 'r')}
    FROM ${relation(leaf)} AS r
    WHERE r.ctid = ${last.tid}::tid
      AND (${selection.age('r')}) IS NOT NULL`)
}

async function moveClosure(
  tx: Transaction,
  { selection, shape }: Prepared,
  closure: Closure,
  run: JobRun,
): Promise<Pick<BatchResult, 'rows' | 'detached' | 'files' | 'batchId'>> {
  const batchId = selection.keeps === 'archive' ? await nextBatchId(tx) : undefined
  const span = await spanOf(tx, selection, shape.root, closure.roots)
  const leaves = shape.tables.flatMap((table) => table.leaves.map(({ oid }) => oid))
  const before = await deletedSoFar(tx, leaves)
  const files = batchId === undefined ? await recordTombstones(tx, selection, closure.rows, run.runId) : 0
  if (batchId !== undefined) {
    const head = {
      runId: run.runId,
      leaseToken: run.lease.token(leaseName(selection.schema)),
      schema: selection.schema,
      rootTable: selection.table,
      rule: selection.rule,
      ...span,
      roots: BigInt(closure.roots.count),
    }
    await recordBatch(tx, batchId, head, [])
    for (const detached of closure.detached) await recordDetached(tx, batchId, shape, detached)
  }
  const moved = await move(tx, closure.rows, batchId)
  // What is deferred to the commit is refused here, where it is still known what it was about.
  await tx.execute(sql`SET CONSTRAINTS ALL IMMEDIATE`)
  refuseUnlisted(shape.tables, closure.rows, before, await deletedSoFar(tx, leaves))
  if (batchId !== undefined) await recordBatchTables(tx, batchId, moved)
  return {
    rows: new Map(moved.map(({ table, rows }) => [table, rows])),
    detached: closure.detached.reduce((sum, { rows }) => sum + rows.count, 0),
    files,
    batchId,
  }
}

async function spanOf(
  tx: Transaction,
  selection: Selection,
  root: Table,
  roots: Rows,
): Promise<{ readonly oldest: string | null; readonly newest: string | null }> {
  const parts = leavesWith(root, roots).map(
    ({ leaf, tids }) =>
      sql`SELECT (${selection.age('r')})::timestamptz AS age FROM ${relation(leaf)} AS r WHERE ${liesAt('r', tids)}`,
  )
  return tx.one(sql`
    SELECT MIN(age)::text AS oldest, MAX(age)::text AS newest
    FROM (${join(parts, ' UNION ALL ')}) AS roots`)
}

/** The references that are about to be let go of, as they are: a restore puts them back. */
async function recordDetached(
  tx: Transaction,
  batchId: bigint,
  shape: Shape,
  { key, rows }: Detached,
): Promise<void> {
  const table = shape.table(key.child)
  const own = key.pairs.map(({ column }) => column)
  const columns = [...new Set([...table.key, ...own])]
  const aliases = Object.fromEntries(columns.map((name, index) => [`v${index}`, name]))
  const object = (names: readonly string[]) => {
    const members = names.map((name) => sql`${name}::text, ${identifier('r', `v${columns.indexOf(name)}`)}`)
    return sql`jsonb_build_object(${join(members)})`
  }
  await tx.execute(sql`
    INSERT INTO steward.archive_detached
      (batch_id, constraint_name, schema_name, table_name, row_key, reference)
    SELECT ${batchId}, ${key.name}, ${table.schema}, ${table.name}, ${object(table.key)}, ${object(own)}
    FROM (
      ${rowsSql(table, rows, aliases, table.oid)}
    ) AS r`)
}
