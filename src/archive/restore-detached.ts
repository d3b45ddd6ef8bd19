/**
 * References that an archive run let go of (ON DELETE SET NULL): put back where the row is there with the reference
 * still NULL and what it referred to is there again. The record of one goes when there is nothing left to put back,
 * and stays while the row itself is archived.
 */
import type { ForeignKey } from '../db/catalog.ts'
import type { Queryable, Transaction } from '../db/database.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { RestoreCatalog } from './restore-catalog.ts'
import type { Placed } from './restore-move.ts'

/** A foreign key of the schema with recorded references. */
export interface DetachedKey {
  readonly key: ForeignKey
  /** Primary key of the table that refers. */
  readonly primary: readonly string[]
}

/** Keys of the schema over which references were let go of; records of keys that are gone stay as they are. */
export async function detachedKeys(
  db: Queryable,
  { schema, allKeys, primaryKeys }: RestoreCatalog,
): Promise<DetachedKey[]> {
  const recorded = await db.rows<{ table: string; constraint: string }>(sql`
    SELECT DISTINCT d.table_name AS "table", d.constraint_name AS "constraint"
    FROM steward.archive_detached AS d
    WHERE d.schema_name = ${schema}`)
  return recorded.flatMap(({ table, constraint }) => {
    const key = allKeys.find((one) => one.table === table && one.name === constraint)
    const primary = primaryKeys.get(table)
    return key === undefined || primary === undefined ? [] : [{ key, primary }]
  })
}

export interface Reattached {
  /** References put back. */
  readonly put: number
  /** References that were not: the row has another one by now. */
  readonly outdated: number
}

/** Puts references back that lead to rows of these batches, or that belong to rows which were just restored. */
export async function reattach(
  tx: Transaction,
  catalog: RestoreCatalog,
  keys: readonly DetachedKey[],
  batches: readonly bigint[],
  placed: readonly Placed[],
): Promise<Reattached> {
  let put = 0
  let outdated = 0
  for (const detached of keys) {
    const { key } = detached
    const table = identifier(key.schema, key.table)
    const here = placed.filter(({ group }) => key.schema === catalog.schema && group.table.table === key.table)
    const given = recordedReferences(detached, batches, here)
    const { isRow, isFree, isOpen } = conditions(detached)
    const columns = key.columns.map((column, index) => sql`${identifier(column)} = ${referenced(index)}`)
    put += await tx.execute(sql`
      WITH given AS (${given})
      UPDATE ${table} AS l
      SET ${join(columns)}
      FROM given AS d
      WHERE ${isRow}
        AND ${isFree}
        AND ${isOpen}
        AND EXISTS (
          SELECT
          FROM ${identifier(key.referencedSchema, key.referencedTable)} AS p
          WHERE ${allOf(key.referencedColumns.map((column, index) => sql`${identifier('p', column)} = ${referenced(index)}`))}
        )`)
    // What is put back by now, and what leads elsewhere, is nothing to remember.
    const { changed } = await tx.one<{ changed: bigint }>(sql`
      WITH given AS (${given}),
      settled AS (
        SELECT d.batch, d.name, d.place, NOT ${isFree} AS changed
        FROM given AS d
        JOIN ${table} AS l ON ${isRow}
        WHERE NOT ${isFree}
          OR NOT ${isOpen}
      ),
      forgotten AS (
        DELETE FROM steward.archive_detached AS f
        USING settled AS s
        WHERE f.batch_id = s.batch
          AND f.constraint_name = s.name
          AND f.row_key = s.place
      )
      SELECT count(*) FILTER (WHERE changed) AS changed
      FROM settled`)
    outdated += Number(changed)
  }
  return { put, outdated }
}

/** The records of a key, their JSON read as the table's own types: key columns `k0`, `k1`, …, references `f0`, …. */
function recordedReferences({ key, primary }: DetachedKey, batches: readonly bigint[], here: readonly Placed[]): Sql {
  const names = [
    ...primary.map((column, index) => sql`${identifier('r', column)} AS ${raw(`k${index}`)}`),
    ...key.columns.map((column, index) => sql`${identifier('r', column)} AS ${raw(`f${index}`)}`),
  ]
  const own = here.map(
    ({ leaf, rows }) => sql`EXISTS (
          SELECT
          FROM ONLY ${leaf} AS back
          WHERE back.ctid = ANY (${[...rows]}::tid[])
            AND ${allOf(primary.map((column) => sql`${identifier('back', column)} = ${identifier('r', column)}`))}
        )`,
  )
  const which = join([sql`d.batch_id = ANY (${[...batches]}::bigint[])`, ...own], '\n        OR ')
  return sql`
      SELECT d.batch_id AS batch, d.constraint_name AS name, d.row_key AS place, ${join(names)}
      FROM steward.archive_detached AS d
      CROSS JOIN LATERAL jsonb_populate_record(NULL::${identifier(key.schema, key.table)}, d.row_key || d.reference) AS r
      WHERE d.schema_name = ${key.schema}
        AND d.table_name = ${key.table}
        AND d.constraint_name = ${key.name}
        AND (${which})`
}

/** `isRow`: the row of the record. `isFree`: it has no other reference. `isOpen`: the reference is not whole. */
function conditions({ key, primary }: DetachedKey): { isRow: Sql; isFree: Sql; isOpen: Sql } {
  const own = (column: string) => identifier('l', column)
  const free = key.columns.map(
    (column, index) => sql`(${own(column)} IS NULL OR ${own(column)} = ${referenced(index)})`,
  )
  const open = key.columns.map((column) => sql`${own(column)} IS NULL`)
  return {
    isRow: allOf(primary.map((column, index) => sql`${own(column)} = ${raw(`d.k${index}`)}`)),
    isFree: sql`(${join(free, ' AND ')})`,
    isOpen: sql`(${join(open, ' OR ')})`,
  }
}

function referenced(index: number): Sql {
  return raw(`d.f${index}`)
}
