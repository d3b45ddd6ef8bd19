/** Lists: one page by keyset, or everything through a server-side cursor. */
import type { Database, Queryable } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import { allOf, type Sql, sql } from '../model/sql.ts'
import { cursorAfter, type Listing, readCursor } from './cursor.ts'
import { conditionsFrom } from './filter-sql.ts'
import { afterRow } from './keyset.ts'
import { type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { orderBy } from './sort.ts'
import { streamRows } from './stream.ts'

export interface ListOptions extends Listing {
  /** Fields of the rows; see `visibleFields`. */
  readonly fields: readonly string[]
  /** Cursor of the row to begin after. */
  readonly after?: string | undefined
}

export interface Page {
  readonly rows: readonly Cells[]
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string
}

/**
 * One page of rows, at the same cost however deep it lies.
 *
 * @param limit rows of the page
 * @throws UsageError (exit 2) for a cursor that does not belong here
 */
export async function listPage(
  db: Queryable,
  scope: Scope,
  options: ListOptions & { readonly limit: number },
): Promise<Page> {
  const { limit } = options
  // The cursor is made from the sort keys of the last row, asked for or not.
  const read = [...new Set([...options.fields, ...options.sort.map((key) => key.field)])]
  const statement = listStatement(scope, { ...options, fields: read })
  // One row more than asked for tells whether there is a next page.
  const found = await db.rows(sql`${statement}\nLIMIT ${limit + 1}::bigint`)
  const last = found.length > limit ? found[limit - 1] : undefined
  const rows = found.slice(0, limit).map((row) => only(row, options.fields))
  return last === undefined ? { rows } : { rows, next: cursorAfter(scope, options, last) }
}

/** Every row, streamed in one snapshot. @throws UsageError (exit 2) for a cursor that does not belong here */
export function listAll(db: Database, scope: Scope, options: ListOptions): AsyncIterable<Cells> {
  return streamRows<Cells>(db, listStatement(scope, options))
}

/** The list's SELECT without LIMIT. */
export function listStatement(scope: Scope, options: ListOptions): Sql {
  const { sort, filters, fields, after } = options
  const conditions = conditionsFrom(scope, filters)
  if (after !== undefined) conditions.push(afterRow(scope, sort, readCursor(scope, options, after)))
  return sql`SELECT ${selectList(fields)}
FROM ${tableOf(scope)}
WHERE ${allOf(conditions)}
ORDER BY ${orderBy(sort)}`
}

function only(row: Readonly<Record<string, unknown>>, fields: readonly string[]): Cells {
  return Object.fromEntries(fields.map((key) => [key, row[key]]))
}
