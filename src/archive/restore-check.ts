/** What stands in the way of archived rows: rows of the same key, columns that are gone, tables that are gone. */
import type { Queryable } from '../db/database.ts'
import type { Problem } from '../errors.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { rowTextSql } from './digest.ts'
import { BATCH_COLUMN } from './record.ts'
import {
  archiveOf,
  liveOf,
  type RestoreCatalog,
  type RestoredTable,
  type UniqueConstraint,
} from './restore-catalog.ts'
import type { Group } from './restore-groups.ts'
import { RowSet } from './restore-rows.ts'

/** Rows named in one problem. */
const NAMED = 5

export interface Checked {
  /** Rows that are in their table already, the same in every column: they only leave the archive. */
  readonly there: RowSet
  readonly problems: readonly Problem[]
}

/** @param dropColumns let go of values of columns that the table has no more */
export async function check(
  db: Queryable,
  catalog: RestoreCatalog,
  groups: readonly Group[],
  dropColumns: boolean,
): Promise<Checked> {
  const there = new RowSet()
  const problems: Problem[] = []
  for (const group of groups) {
    const where = `${catalog.schema}.${group.table.table}`
    if (group.table.columns.size === 0) {
      problems.push({ where, reason: 'the table is not there any more; create it again first' })
      continue
    }
    if (group.shared.length === 0) {
      problems.push({ where, reason: 'the table has none of the archived columns any more' })
      continue
    }
    if (!dropColumns) problems.push(...(await lostColumns(db, catalog, group)))
    const twins = await twinsOf(db, catalog, group)
    for (const { row, batch, same } of twins) if (same) there.add(group.table.table, row, batch)
    problems.push(
      ...named(
        where,
        twins.filter(({ same }) => !same).map(({ name }) => name),
        'there is another row of the same key, and it is not the same',
      ),
    )
    for (const unique of group.table.uniques) {
      problems.push(
        ...named(
          where,
          await takenBy(db, catalog, group, unique),
          `there is another row with the same ${unique.columns.join(', ')} (${unique.name})`,
        ),
      )
    }
  }
  for (const table of new Set(groups.map((group) => group.table))) {
    const own = groups.filter((group) => group.table === table)
    // A batch was archived in one transaction: what it holds of a table has no key twice.
    if (new Set(own.flatMap((group) => group.batches)).size < 2) continue
    const rows = own.flatMap((group) => group.rows)
    const twice = await archivedTwice(db, catalog, table, rows)
    problems.push(
      ...named(
        `${catalog.schema}.${table.table}`,
        twice,
        'archived more than once, and only one can be restored; choose with --batch',
      ),
    )
  }
  return { there, problems }
}

function named(where: string, names: readonly string[], reason: string): Problem[] {
  const problems = names.slice(0, NAMED).map((name) => ({ where: `${where} ${name}`, reason }))
  const more = names.length - problems.length
  return more > 0 ? [...problems, { where, reason: `the same of ${more} more` }] : problems
}

/** Dropped columns with values that the restored rows would lose. */
async function lostColumns(db: Queryable, catalog: RestoreCatalog, group: Group): Promise<Problem[]> {
  if (group.dropped.length === 0) return []
  const counts = join(group.dropped.map((column) => sql`count(${identifier('a', column)})`))
  const { given } = await db.one<{ given: bigint[] }>(sql`
    SELECT ARRAY[${counts}] AS given
    FROM ${archiveOf(catalog, group.table.table)} AS a
    WHERE a.ctid = ANY (${[...group.rows]}::tid[])`)
  return group.dropped.flatMap((column, index) => {
    const rows = given[index] ?? 0n
    return rows === 0n
      ? []
      : [
          {
            where: `${catalog.schema}.${group.table.table}.${column}`,
            reason: `the column is gone, and ${rows} archived ${rows === 1n ? 'row has' : 'rows have'} a value in it`,
          },
        ]
  })
}

interface Twin {
  readonly row: string
  readonly batch: bigint
  /** Its key, `id=5`. */
  readonly name: string
  readonly same: boolean
}

/** Live rows of the same key. Tables without one are not asked: their rows may repeat. */
async function twinsOf(db: Queryable, catalog: RestoreCatalog, group: Group): Promise<Twin[]> {
  const { table, shared, rows } = group
  const key = keyOf(table)
  if (key.length === 0) return []
  return db.rows<Twin>(sql`
    SELECT
      a.ctid::text AS row,
      a.${raw(BATCH_COLUMN)} AS batch,
      ${keyText(key, 'a')} AS name,
      ${rowTextSql('a', shared)} = ${rowTextSql('l', shared)} AS same
    FROM ${archiveOf(catalog, table.table)} AS a
    JOIN ${liveOf(catalog, table.table)} AS l ON ${sameKey(key, 'a', 'l')}
    WHERE a.ctid = ANY (${[...rows]}::tid[])`)
}

/** Rows whose value, of which there may be one only, another live row has by now. NULL is no such value. */
async function takenBy(
  db: Queryable,
  catalog: RestoreCatalog,
  { table, rows }: Group,
  { columns }: UniqueConstraint,
): Promise<string[]> {
  const key = keyOf(table)
  // Of another type by now, they are compared by the server when they are put back.
  const isAsArchived = (column: string) => table.archived.get(column) === table.columns.get(column)?.type
  if (key.length === 0 || !columns.every(isAsArchived)) return []
  const found = await db.rows<{ name: string }>(sql`
    SELECT ${keyText(key, 'a')} AS name
    FROM ${archiveOf(catalog, table.table)} AS a
    JOIN ${liveOf(catalog, table.table)} AS l ON ${sameKey(columns, 'a', 'l')}
    WHERE a.ctid = ANY (${[...rows]}::tid[])
      AND NOT (${sameKey(key, 'a', 'l')})`)
  return found.map(({ name }) => name)
}

async function archivedTwice(
  db: Queryable,
  catalog: RestoreCatalog,
  table: RestoredTable,
  rows: readonly string[],
): Promise<string[]> {
  const key = keyOf(table)
  if (key.length === 0) return []
  const found = await db.rows<{ name: string }>(sql`
    SELECT min(${keyText(key, 'a')}) AS name
    FROM ${archiveOf(catalog, table.table)} AS a
    WHERE a.ctid = ANY (${[...rows]}::tid[])
    GROUP BY ${join(key.map((column) => identifier('a', column)))}
    HAVING count(*) > 1`)
  return found.map(({ name }) => name)
}

/** The primary key, where the archive table has all of it. */
export function keyOf({ key, archived }: RestoredTable): readonly string[] {
  return key.every((column) => archived.has(column)) ? key : []
}

export function sameKey(key: readonly string[], one: string, other: string): Sql {
  return join(
    key.map((column) => sql`${identifier(one, column)} = ${identifier(other, column)}`),
    ' AND ',
  )
}

/** `id=5`, for people. */
export function keyText(key: readonly string[], alias: string): Sql {
  const parts = key.map((column) => sql`concat(${`${column}=`}::text, ${identifier(alias, column)})`)
  return sql`concat_ws(', ', ${join(parts)})`
}
