/**
 * Which archived rows go back together: what depends on the rows that were asked for, their parents where these may
 * come along, and what has to wait because a row that it refers to is not there.
 */
import { type ForeignKey, refersTo } from '../db/catalog.ts'
import type { Queryable } from '../db/database.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { BATCH_COLUMN } from './record.ts'
import { archiveOf, parentIsArchived, type RestoreCatalog } from './restore-catalog.ts'
import { RowSet } from './restore-rows.ts'

export interface Reach {
  /** Keys along which dependent rows come: those that cascade, or all that would keep the parent from going. */
  readonly follow: 'cascade' | 'all'
  /** Batches whose rows may come because they depend on others; all of them when absent. */
  readonly below?: readonly bigint[]
  /** Batches whose rows may come because others refer to them. */
  readonly parents: readonly bigint[] | 'any'
  /**
   * For a plan, where nothing is restored yet: batches that will have been restored, except for these rows. Parents
   * that another part of the plan brings are in `brought`.
   */
  readonly arriving?: { readonly batches: readonly bigint[]; readonly waiting: RowSet; readonly brought: RowSet }
}

/** Rows that cannot go back, and the row that they wait for. */
export interface Waiting {
  readonly table: string
  readonly row: string
  readonly batch: bigint
  readonly key: ForeignKey
  /** Batch of the archived row that they refer to; null when that is nowhere in the archive tables. */
  readonly parentBatch: bigint | null
}

export interface Gathered {
  /** Rows whose references all lead somewhere. */
  readonly rows: RowSet
  readonly waiting: readonly Waiting[]
}

/** @param seeds rows that were asked for */
export async function gather(db: Queryable, catalog: RestoreCatalog, seeds: RowSet, reach: Reach): Promise<Gathered> {
  const rows = new RowSet()
  rows.addAll(seeds)
  const orphans = new Map<ForeignKey, string[]>()
  // What depends on a parent that only came along stays: an organization brings no task but the one that needs it.
  let above = seeds
  for (let frontier = seeds; above.size > 0; ) {
    const next = new RowSet()
    const parents = new RowSet()
    for (const key of catalog.keys) {
      for (const child of await childrenOf(db, catalog, key, frontier, reach)) {
        if (rows.add(key.table, child.row, child.batch)) next.add(key.table, child.row, child.batch)
      }
    }
    for (const key of catalog.keys) {
      const places = above.rows(key.table)
      for (const { row, parent, parentBatch } of await orphansOf(db, catalog, key, places, rows, reach)) {
        const comes = parent !== null && parentBatch !== null && mayCome(reach, parentBatch)
        if (comes && rows.add(key.referencedTable, parent, parentBatch)) {
          parents.add(key.referencedTable, parent, parentBatch)
        } else if (!comes) {
          const known = orphans.get(key)
          if (known === undefined) orphans.set(key, [row])
          else known.push(row)
        }
      }
    }
    frontier = next
    above = new RowSet()
    above.addAll(next)
    above.addAll(parents)
  }
  return { rows, waiting: await settle(db, catalog, rows, orphans, reach) }
}

function mayCome({ parents }: Reach, batch: bigint): boolean {
  return parents === 'any' || parents.includes(batch)
}

/** Takes the rows out that have to wait, then those that wait for these, until all that is left may go back. */
async function settle(
  db: Queryable,
  catalog: RestoreCatalog,
  rows: RowSet,
  orphans: ReadonlyMap<ForeignKey, string[]>,
  reach: Reach,
): Promise<Waiting[]> {
  const waiting: Waiting[] = []
  let removed = new RowSet()
  const wait = (key: ForeignKey, row: string, parentBatch: bigint | null) => {
    const batch = rows.batchOf(key.table, row)
    if (batch === undefined) return
    rows.delete(key.table, row)
    removed.add(key.table, row, batch)
    waiting.push({ table: key.table, row, batch, key, parentBatch })
  }
  for (const [key, suspects] of orphans) {
    // What was missing at first may have come along since.
    for (const { row, parentBatch } of await orphansOf(db, catalog, key, suspects, rows, reach)) {
      wait(key, row, parentBatch)
    }
  }
  while (removed.size > 0) {
    const gone = removed
    removed = new RowSet()
    for (const key of catalog.keys) {
      if (gone.rows(key.referencedTable).length === 0) continue
      for (const { row, parentBatch } of await orphansOf(db, catalog, key, rows.rows(key.table), rows, reach)) {
        wait(key, row, parentBatch)
      }
    }
  }
  return waiting
}

/** Archived rows that refer to some of the rows over a key that is followed. */
async function childrenOf(
  db: Queryable,
  catalog: RestoreCatalog,
  key: ForeignKey,
  parents: RowSet,
  { follow, below }: Reach,
): Promise<{ row: string; batch: bigint }[]> {
  const places = isFollowed(key, follow) && parentIsArchived(catalog, key) ? parents.rows(key.referencedTable) : []
  if (places.length === 0 || below?.length === 0) return []
  return db.rows(sql`
    SELECT c.ctid::text AS row, c.${raw(BATCH_COLUMN)} AS batch
    FROM ${archiveOf(catalog, key.table)} AS c
    WHERE (${own(key, 'c')}) IN (
        SELECT ${theirs(key, 'p')}
        FROM ${archiveOf(catalog, key.referencedTable)} AS p
        WHERE p.ctid = ANY (${places}::tid[])
      )
      AND ${within(below)}`)
}

function within(batches: readonly bigint[] | undefined): Sql {
  return batches === undefined ? raw('TRUE') : sql`c.${raw(BATCH_COLUMN)} = ANY (${[...batches]}::bigint[])`
}

/** Archived rows that refer to live ones, for an aggregate that is there while parts of it are not. */
export async function archivedBelow(
  db: Queryable,
  catalog: RestoreCatalog,
  key: ForeignKey,
  live: Sql,
): Promise<{ row: string; batch: bigint }[]> {
  return db.rows(sql`
    SELECT c.ctid::text AS row, c.${raw(BATCH_COLUMN)} AS batch
    FROM ${archiveOf(catalog, key.table)} AS c
    WHERE (${own(key, 'c')}) IN (
        SELECT ${theirs(key, 'p')}
        FROM ${identifier(key.referencedSchema, key.referencedTable)} AS p
        WHERE ${live}
      )`)
}

export function isFollowed({ onDelete }: ForeignKey, follow: Reach['follow']): boolean {
  if (onDelete === 'set null' || onDelete === 'set default') return false
  return follow === 'all' || onDelete === 'cascade'
}

interface Orphan {
  readonly row: string
  /** The archived row that it refers to, the one that was archived last; null when there is none. */
  readonly parent: string | null
  readonly parentBatch: bigint | null
}

/** Rows whose reference leads neither to a live row nor to one that goes back with them. */
async function orphansOf(
  db: Queryable,
  catalog: RestoreCatalog,
  key: ForeignKey,
  places: readonly string[],
  coming: RowSet,
  { arriving }: Reach,
): Promise<Orphan[]> {
  if (places.length === 0) return []
  const archived = parentIsArchived(catalog, key)
  const parents = archiveOf(catalog, key.referencedTable)
  const given = key.columns.map((column) => sql`${identifier('c', column)} IS NOT NULL`)
  const noneOf = (rows: readonly string[]) =>
    rows.length === 0
      ? []
      : [
          sql`NOT EXISTS (
          SELECT
          FROM ${parents} AS s
          WHERE s.ctid = ANY (${[...rows]}::tid[])
            AND ${refersTo(key, 'c', 's')}
        )`,
        ]
  const arrives =
    arriving === undefined || arriving.batches.length === 0
      ? []
      : [
          sql`NOT EXISTS (
          SELECT
          FROM ${parents} AS s
          WHERE s.${raw(BATCH_COLUMN)} = ANY (${[...arriving.batches]}::bigint[])
            AND ${refersTo(key, 'c', 's')}
            AND NOT EXISTS (
              SELECT
              FROM unnest(${arriving.waiting.rows(key.referencedTable)}::tid[]) AS w (place)
              WHERE w.place = s.ctid
            )
        )`,
        ]
  const conditions = allOf([
    sql`c.ctid = ANY (${[...places]}::tid[])`,
    ...given,
    ...(archived
      ? [
          ...noneOf(coming.rows(key.referencedTable)),
          ...noneOf(arriving?.brought.rows(key.referencedTable) ?? []),
          ...arrives,
        ]
      : []),
    sql`NOT EXISTS (
          SELECT
          FROM ${identifier(key.referencedSchema, key.referencedTable)} AS l
          WHERE ${refersTo(key, 'c', 'l')}
        )`,
  ])
  if (!archived) {
    return db.rows(sql`
      SELECT c.ctid::text AS row, NULL::text AS parent, NULL::bigint AS "parentBatch"
      FROM ${archiveOf(catalog, key.table)} AS c
      WHERE ${conditions}`)
  }
  return db.rows(sql`
    SELECT o.place::text AS row, found.parent, found."parentBatch"
    FROM (
      SELECT c.ctid AS place, ${join(key.columns.map((column) => identifier('c', column)))}
      FROM ${archiveOf(catalog, key.table)} AS c
      WHERE ${conditions}
      -- Orphans are few: their parents are looked for afterwards, one by one.
      OFFSET 0
    ) AS o
    LEFT JOIN LATERAL (
      SELECT a.ctid::text AS parent, a.${raw(BATCH_COLUMN)} AS "parentBatch"
      FROM ${parents} AS a
      WHERE ${refersTo(key, 'o', 'a')}
      ORDER BY a.${raw(BATCH_COLUMN)} DESC
      LIMIT 1
    ) AS found ON TRUE`)
}

function own({ columns }: ForeignKey, alias: string): Sql {
  return join(columns.map((column) => identifier(alias, column)))
}

function theirs({ referencedColumns }: ForeignKey, alias: string): Sql {
  return join(referencedColumns.map((column) => identifier(alias, column)))
}
