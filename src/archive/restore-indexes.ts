/**
 * Indexes that archive tables have none of, by which the rows of one aggregate would be found. Each of them would cost
 * every archive run, so they are left to whoever restores by key often enough: without one all of the archive table is
 * read, some seconds for millions of rows.
 */
import type { Queryable } from '../db/database.ts'
import { identifier, join, sql } from '../model/sql.ts'
import { archiveOf, parentIsArchived, type RestoreCatalog } from './restore-catalog.ts'
import { isFollowed } from './restore-closure.ts'
import type { RestoreRequest } from './restore-request.ts'

/** Rows from which reading all of an archive table is worth a word. */
const MANY = 1_000_000

/** Statements that would make them, for the keys that are followed downwards. */
export async function missingArchiveIndexes(
  db: Queryable,
  catalog: RestoreCatalog,
  { follow }: Pick<RestoreRequest, 'follow'>,
): Promise<string[]> {
  const keys = catalog.keys.filter((key) => isFollowed(key, follow) && parentIsArchived(catalog, key))
  const statements: string[] = []
  for (const { table, columns } of keys) {
    const { served } = await db.one<{ served: boolean }>(sql`
      SELECT c.reltuples < ${MANY}::integer OR EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid
          AND i.indisvalid
          AND i.indpred IS NULL
          -- In whatever order: equality is asked of all of them.
          AND (
            SELECT array_agg(a.attname::text)
            FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
            WHERE k.place <= ${columns.length}::integer
          ) @> ${[...columns]}::text[]
      ) AS served
      FROM pg_catalog.pg_class AS c
      WHERE c.oid = ${archiveOf(catalog, table).text}::regclass`)
    const list = join(columns.map((column) => identifier(column)))
    const statement = sql`CREATE INDEX CONCURRENTLY ON ${archiveOf(catalog, table)} (${list})`.text
    if (!served && !statements.includes(statement)) statements.push(statement)
  }
  return statements
}
