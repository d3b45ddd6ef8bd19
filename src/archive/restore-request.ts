/** What is to be restored, and in which portions: each of them is one transaction. */
import type { Queryable } from '../db/database.ts'
import type { MonthlyTable } from '../db/partitions.ts'
import { NotFoundError, OperationError, StewardError, UsageError } from '../errors.ts'
import { type Moment, momentSql } from '../model/moment.ts'
import { nearest } from '../model/nearest.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Batch } from './batches.ts'
import { BATCH_COLUMN } from './record.ts'
import { archiveOf, liveOf, parentsFirst, type RestoreCatalog } from './restore-catalog.ts'
import { archivedBelow, isFollowed, type Reach } from './restore-closure.ts'
import type { Hold, NamedRows } from './restore-hold.ts'
import { RowSet } from './restore-rows.ts'

/** Rows of one transaction, unless the request says otherwise. */
export const PORTION_ROWS = 50_000

export interface RestoreRequest {
  /** Unquoted; the archive tables lie in its archive schema. */
  readonly schema: string
  readonly what: AskedRows | AskedBatches
  /** Keys along which dependent rows come: those that cascade, or all that would keep the parent from going. */
  readonly follow: 'cascade' | 'all'
  /** Archived rows that restored ones refer to come along. */
  readonly withParents: boolean
  /** Let go of the values of columns that the table has no more. */
  readonly dropColumns: boolean
  /** Bring rows back as they lie in the archive, also of batches that hold something else than was archived. */
  readonly damaged: boolean
  /** Rows of one transaction, where a batch has more. */
  readonly portionRows: number
  /** Settings of every transaction that moves rows: what the database's own triggers ask for. */
  readonly settings: Readonly<Record<string, string>>
  /** How long retention leaves the rows alone; absent for not at all. */
  readonly hold?: Hold | undefined
  /** Tables that are partitioned by month: the months of restored rows are made first. */
  readonly monthly: readonly MonthlyTable[]
  /**
   * Columns, by table, that triggers make of other rows (`Field.projectionOf`). They say what the tables say now, and are
   * what they were once all of those rows are back.
   */
  readonly projections: Readonly<Record<string, readonly string[]>>
}

/** Aggregates by the key of their root. */
export interface AskedRows {
  readonly kind: 'rows'
  readonly table: string
  readonly roots: readonly Root[]
  /** Only rows of these batches. */
  readonly batches?: readonly bigint[] | undefined
  /** Cold batches that hold some of the rows: their files are loaded first. */
  readonly cold: readonly bigint[]
}

export interface Root {
  /** As it was given, for people. */
  readonly name: string
  /** Columns and their values; several ways of naming it, one of which applies. */
  readonly by: readonly Readonly<Record<string, string>>[]
}

export interface AskedBatches {
  readonly kind: 'batches'
  /** By number downwards: whatever is archived refers to rows of its own batch or of later ones. */
  readonly batches: readonly Batch[]
  /** Only aggregates whose age counts from an instant in this half-open window. */
  readonly age?: AgeWindow | undefined
}

export interface AgeWindow {
  readonly of: (alias: string) => Sql
  readonly since?: Moment | undefined
  readonly until?: Moment | undefined
}

/** Rows that are restored in one transaction. */
export interface Portion {
  /** What it is about, for progress and errors: `batch 12`. */
  readonly label: string
  /** Table of the roots. */
  readonly roots: string
  readonly named?: NamedRows
  readonly seeds: (db: Queryable) => Promise<RowSet>
  readonly reach: Reach
}

/**
 * The rows that were named, in one portion.
 *
 * @param thawed false for a plan: rows of cold batches are not there yet
 */
export function portionOfRows(
  request: RestoreRequest,
  what: AskedRows,
  catalog: RestoreCatalog,
  thawed: boolean,
): Portion {
  const own = catalog.columns.get(what.table)
  const types = new Map([...(own?.values() ?? [])].map(({ name, type }) => [name, type]))
  const isOne = (alias: string) =>
    join(
      what.roots.map((root) => rootSql(root, types, alias)),
      '\n  OR ',
    )
  return {
    label: what.roots.length === 1 ? (what.roots[0]?.name ?? '') : `${what.roots.length} aggregates`,
    roots: what.table,
    named: { table: what.table, isOne },
    seeds: (db) => seedsOfRows(db, request, what, catalog, thawed),
    reach: { follow: request.follow, parents: request.withParents ? 'any' : (what.batches ?? []) },
  }
}

/** @throws NotFoundError (exit 4) naming the rows that are neither archived nor in their table */
async function seedsOfRows(
  db: Queryable,
  request: RestoreRequest,
  what: AskedRows,
  catalog: RestoreCatalog,
  thawed: boolean,
): Promise<RowSet> {
  const seeds = new RowSet()
  const archived = catalog.tables.get(what.table)?.archived
  const own = catalog.columns.get(what.table)
  if (archived === undefined && own === undefined && what.cold.length === 0) {
    throw new NotFoundError({
      code: 'unknown-table',
      message: `There is no table ${catalog.schema}.${what.table}, and nothing of one is in the archive tables`,
      hint: 'steward archive list shows what was archived',
    })
  }
  const types = own === undefined ? undefined : new Map([...own.values()].map(({ name, type }) => [name, type]))
  const missing: Root[] = []
  for (const root of what.roots) {
    const found =
      archived === undefined ? [] : await archivedRoots(db, catalog, what, root, archived).catch(told(root, archived))
    for (const { row, batch } of found) seeds.add(what.table, row, batch)
    if (found.length > 0) continue
    const isRoot = (alias: string) => rootSql(root, types ?? new Map(), alias)
    const live =
      types !== undefined &&
      (await db
        .maybeOne(sql`SELECT FROM ${liveOf(catalog, what.table)} AS l WHERE ${isRoot('l')} LIMIT 1`)
        .catch(told(root, types)))
    if (live) await seedsBelow(db, catalog, what.table, isRoot, request, seeds)
    else missing.push(root)
  }
  if (missing.length > 0 && (thawed || what.cold.length === 0)) throw notArchived(catalog.schema, what.table, missing)
  return seeds
}

/** What the server says of a key that is none, in words about the command line. */
function told({ name, by }: Root, types: ReadonlyMap<string, string>) {
  return (error: unknown): never => {
    if (!(error instanceof StewardError) || error.code !== 'invalid-value') throw error
    const columns = [...new Set(by.flatMap((one) => Object.keys(one)))].map(
      (column) => `${column} is ${types.get(column)}`,
    )
    throw new UsageError({
      code: 'invalid-input',
      message: `${name} is no key: ${columns.join(', ')}`,
      hint: 'Name the row by the values of its key, as steward lists them',
      cause: error,
    })
  }
}

async function archivedRoots(
  db: Queryable,
  catalog: RestoreCatalog,
  { table, batches }: AskedRows,
  root: Root,
  types: ReadonlyMap<string, string>,
): Promise<{ row: string; batch: bigint }[]> {
  return db.rows(sql`
    SELECT a.ctid::text AS row, a.${raw(BATCH_COLUMN)} AS batch
    FROM ${archiveOf(catalog, table)} AS a
    WHERE ${rootSql(root, types, 'a')}
      AND ${batches === undefined ? raw('TRUE') : sql`a.${raw(BATCH_COLUMN)} = ANY (${[...batches]}::bigint[])`}`)
}

/** Archived parts of an aggregate that is there, down every way of foreign keys that takes none twice. */
async function seedsBelow(
  db: Queryable,
  catalog: RestoreCatalog,
  table: string,
  live: (alias: string) => Sql,
  { follow }: Pick<RestoreRequest, 'follow'>,
  seeds: RowSet,
  way: readonly string[] = [],
): Promise<void> {
  for (const key of catalog.allKeys) {
    const name = `${key.table}.${key.name}`
    const leadsHere = key.referencedSchema === catalog.schema && key.referencedTable === table
    if (!leadsHere || !isFollowed(key, follow) || way.includes(name)) continue
    const found = catalog.keys.includes(key) ? await archivedBelow(db, catalog, key, live('p')) : []
    for (const { row, batch } of found) seeds.add(key.table, row, batch)
    const depth = `q${way.length}`
    const below = (alias: string) => sql`(${join(key.columns.map((column) => identifier(alias, column)))}) IN (
          SELECT ${join(key.referencedColumns.map((column) => identifier(depth, column)))}
          FROM ${liveOf(catalog, table)} AS ${raw(depth)}
          WHERE ${live(depth)}
        )`
    await seedsBelow(db, catalog, key.table, below, { follow }, seeds, [...way, name])
  }
}

/** @param types of the table's columns, by name */
function rootSql(root: Root, types: ReadonlyMap<string, string>, alias: string): Sql {
  const ways = root.by.map((columns) =>
    allOf(
      Object.entries(columns).map(([column, value]) => {
        const type = types.get(column)
        if (type === undefined) {
          const near = nearest(column, [...types.keys()])
          throw new NotFoundError({
            code: 'unknown-column',
            message: `There is no column ${column} in the table of ${root.name}`,
            hint: near === undefined ? `It has ${[...types.keys()].join(', ')}` : `Did you mean ${near}?`,
          })
        }
        // A cast to varchar(n) would cut the value, and find another row.
        const cast = type.replace(/^(character varying|character)(\(\d+\))?$/, 'text')
        return sql`${identifier(alias, column)} = ${value}::${raw(cast)}`
      }),
    ),
  )
  return sql`(${join(ways, ' OR ')})`
}

function notArchived(schema: string, table: string, roots: readonly Root[]): NotFoundError {
  const names = roots.map(({ name }) => name)
  return new NotFoundError({
    code: 'not-archived',
    message: `${schema}.${table} ${names.join(', ')}: neither archived nor in the table itself`,
    hint: 'steward archive list shows what was archived',
    details: { missing: names },
  })
}

/**
 * A batch in portions: whole, with its aggregates, or where it is very large table by table, some blocks at a time.
 *
 * @param asked numbers of all batches that were asked for
 * @param partly batches that were restored in part: what is left of them waits for others
 */
export async function portionsOfBatch(
  db: Queryable,
  request: RestoreRequest,
  { age }: AskedBatches,
  batch: Batch,
  catalog: RestoreCatalog,
  { asked, partly }: { readonly asked: readonly bigint[]; readonly partly: readonly bigint[] },
): Promise<Portion[]> {
  const label = `batch ${batch.batch}`
  const parents = request.withParents ? ('any' as const) : asked
  const tables = await tablesOf(db, catalog, batch.batch)
  if (age !== undefined) {
    const below = [...partly.filter((one) => one !== batch.batch), batch.batch]
    const seeds = (tx: Queryable) => seedsByAge(tx, catalog, batch, age)
    // Of the batches that were asked for only what lies in the window comes.
    const reach: Reach = { follow: request.follow, below, parents: request.withParents ? 'any' : [] }
    return [{ label, roots: batch.table, seeds, reach }]
  }
  const reach: Reach = { follow: request.follow, below: partly.filter((one) => !asked.includes(one)), parents }
  const rows = tables.reduce((sum, one) => sum + one.rows, 0n)
  if (rows <= BigInt(request.portionRows)) {
    const seeds = (tx: Queryable) =>
      seedsOfTables(
        tx,
        catalog,
        batch.batch,
        tables.map(({ table }) => table),
      )
    return [{ label, roots: batch.table, seeds, reach }]
  }
  const portions: Portion[] = []
  for (const table of parentsFirst(
    catalog,
    tables.map((one) => one.table),
  )) {
    const size = tables.find((one) => one.table === table)?.rows ?? 0n
    for (const [from, to] of await blocksOf(
      db,
      catalog,
      batch.batch,
      table,
      size / BigInt(request.portionRows) + 1n,
    )) {
      portions.push({
        label,
        roots: batch.table,
        seeds: (tx) => seedsOfBlocks(tx, catalog, batch.batch, table, from, to),
        reach,
      })
    }
  }
  return portions
}

/** Tables with rows of the batch. @throws OperationError where an archive table is gone */
async function tablesOf(
  db: Queryable,
  catalog: RestoreCatalog,
  batch: bigint,
): Promise<{ readonly table: string; readonly rows: bigint }[]> {
  const tables = await db.rows<{ table: string; rows: bigint }>(sql`
    SELECT table_name AS "table", rows
    FROM steward.archive_batch_tables
    WHERE batch_id = ${batch}
      AND rows > 0
    ORDER BY table_name`)
  const gone = tables.find(({ table }) => !catalog.tables.has(table))
  if (gone === undefined) return tables
  throw new OperationError({
    code: 'archive-table-missing',
    message: `The archive table of ${catalog.schema}.${gone.table} is gone, with ${gone.rows} rows of batch ${batch}`,
    hint: 'Bring it back from a backup; steward archive verify names all that is missing',
  })
}

async function seedsOfTables(
  db: Queryable,
  catalog: RestoreCatalog,
  batch: bigint,
  tables: readonly string[],
): Promise<RowSet> {
  const seeds = new RowSet()
  for (const table of tables) {
    const rows = await db.rows<{ row: string }>(sql`
      SELECT a.ctid::text AS row
      FROM ${archiveOf(catalog, table)} AS a
      WHERE a.${raw(BATCH_COLUMN)} = ${batch}`)
    for (const { row } of rows) seeds.add(table, row, batch)
  }
  return seeds
}

async function seedsByAge(
  db: Queryable,
  catalog: RestoreCatalog,
  { batch, table }: Batch,
  { of, since, until }: AgeWindow,
): Promise<RowSet> {
  const seeds = new RowSet()
  const rows = await db.rows<{ row: string }>(sql`
    SELECT a.ctid::text AS row
    FROM ${archiveOf(catalog, table)} AS a
    WHERE a.${raw(BATCH_COLUMN)} = ${batch}
      AND ${since === undefined ? raw('TRUE') : sql`${of('a')} >= ${momentSql(since)}`}
      AND ${until === undefined ? raw('TRUE') : sql`${of('a')} < ${momentSql(until)}`}`)
  for (const { row } of rows) seeds.add(table, row, batch)
  return seeds
}

/** So many ranges of blocks, half open, in which rows of the batch lie. */
async function blocksOf(
  db: Queryable,
  catalog: RestoreCatalog,
  batch: bigint,
  table: string,
  portions: bigint,
): Promise<[from: bigint, to: bigint][]> {
  const { first, last } = await db.one<{ first: string | null; last: string | null }>(sql`
    SELECT min(a.ctid)::text AS first, max(a.ctid)::text AS last
    FROM ${archiveOf(catalog, table)} AS a
    WHERE a.${raw(BATCH_COLUMN)} = ${batch}`)
  if (first === null || last === null) return []
  const block = (place: string) => BigInt(/\d+/.exec(place)?.[0] ?? '0')
  const [from, end] = [block(first), block(last) + 1n]
  const step = (end - from) / portions + 1n
  const ranges: [bigint, bigint][] = []
  for (let at = from; at < end; at += step) ranges.push([at, at + step])
  return ranges
}

async function seedsOfBlocks(
  db: Queryable,
  catalog: RestoreCatalog,
  batch: bigint,
  table: string,
  from: bigint,
  to: bigint,
): Promise<RowSet> {
  const seeds = new RowSet()
  const rows = await db.rows<{ row: string }>(sql`
    SELECT a.ctid::text AS row
    FROM ${archiveOf(catalog, table)} AS a
    WHERE a.ctid >= ${`(${from},0)`}::tid
      AND a.ctid < ${`(${to},0)`}::tid
      AND a.${raw(BATCH_COLUMN)} = ${batch}`)
  for (const { row } of rows) seeds.add(table, row, batch)
  return seeds
}

/** Batches of a schema of which a part was restored. */
export async function partlyRestored(db: Queryable, schema: string): Promise<bigint[]> {
  const found = await db.rows<{ batch: bigint }>(sql`
    SELECT b.batch_id AS batch
    FROM steward.archive_batches AS b
    WHERE b.schema_name = ${schema}
      AND b.state = 'archived'
      AND b.restored_at IS NOT NULL`)
  return found.map(({ batch }) => batch)
}
