/** Counting and locking the rows of a closure. */
import type { ForeignKey } from '../db/catalog.ts'
import type { Queryable } from '../db/database.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import {
  aliasesOf,
  type Closure,
  nameOf,
  referencedName,
  referredColumns,
  refersInto,
  withClosure,
} from './closure.ts'
import type { Scope } from './scope.ts'

export interface TableCount {
  readonly schema: string
  readonly table: string
  readonly rows: bigint
}

export interface KeyCount extends TableCount {
  readonly constraint: string
  readonly columns: readonly string[]
}

export interface ClosureCounts {
  /** Rows that go, by table, the entity's own first; tables without any are left out, except that one. */
  readonly deleted: readonly TableCount[]
  /** Rows that stay and lose a reference, by foreign key. */
  readonly detached: readonly KeyCount[]
  /** Rows that forbid the delete, by foreign key. */
  readonly blocking: readonly KeyCount[]
}

/** Counts what a delete of these rows takes along, in one statement and so in one snapshot. */
export async function countClosure(
  db: Queryable,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
): Promise<ClosureCounts> {
  const counts = [
    ...closure.tables.map(({ alias }) => sql`SELECT count(*) AS count FROM ${raw(alias)}`),
    ...[...closure.detaching, ...closure.blocking].map(
      (key) => sql`SELECT count(*) AS count FROM ${staying(closure, key)}`,
    ),
  ].map((select, index) => sql`SELECT ${index}::integer AS place, (${select}) AS count`)
  const rows = await db.rows<{ place: number; count: bigint }>(sql`
    ${withClosure(scope, closure, ids)}
    ${join(counts, '\n    UNION ALL ')}
    ORDER BY place`)
  const found = rows.map(({ count }) => count)
  const tables = closure.tables.length
  const byKey = (keys: readonly ForeignKey[], from: number): KeyCount[] =>
    keys
      .map(({ schema, table, name, columns }, index) => ({
        schema,
        table,
        constraint: name,
        columns,
        rows: found[from + index] ?? 0n,
      }))
      .filter((counted) => counted.rows > 0n)
  return {
    deleted: closure.tables
      .map(({ schema, table }, index) => ({ schema, table, rows: found[index] ?? 0n }))
      .filter((counted, index) => index === 0 || counted.rows > 0n),
    detached: byKey(closure.detaching, tables),
    blocking: byKey(closure.blocking, tables + closure.detaching.length),
  }
}

/**
 * Locks every row of the closure that others could refer to, parents first: once a row is locked FOR UPDATE, nobody can
 * add a row that refers to it, so what is counted afterwards is what will go.
 */
export async function lockClosure(
  db: Queryable,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
): Promise<void> {
  for (const table of closure.tables) {
    const columns = referredColumns(closure, table)
    if (columns.length === 0) continue
    const list = join(columns.map((name) => identifier(name)))
    await db.execute(sql`
      ${withClosure(scope, closure, ids)}
      SELECT count(*)
      FROM (
        SELECT FROM ${identifier(table.schema, table.table)}
        WHERE (${list}) IN (SELECT ${list} FROM ${raw(table.alias)})
        ORDER BY ${list}
        FOR UPDATE
      ) AS locked`)
  }
}

/**
 * The rows that use a foreign key into the closure without being part of it, as a FROM item. A RESTRICT key counts
 * those that are part of it, too: PostgreSQL checks it before the other keys have cascaded.
 *
 * @param columns the SELECT list
 */
export function staying(closure: Closure, key: ForeignKey, columns: Sql = raw('1')): Sql {
  const aliases = aliasesOf(closure)
  const own = aliases.get(nameOf(key))
  const goesItself =
    own === undefined || key.onDelete === 'restrict'
      ? raw('FALSE')
      : sql`EXISTS (SELECT FROM ${raw(own)} AS gone WHERE gone.tableoid = kept.tableoid AND gone.ctid = kept.ctid)`
  return sql`(
        SELECT ${columns}
        FROM ${identifier(key.schema, key.table)} AS kept
        WHERE ${refersInto(key, aliases.get(referencedName(key)) ?? '')}
          AND NOT ${goesItself}
      ) AS kept_rows`
}
