/** Every row of a schema, so that what was moved away and brought back can be compared with what it was. */
import type { Client } from 'pg'
import { quoteIdentifier } from '../../../src/model/sql.ts'
import { difference } from './placed-graph.ts'

/** Table → a digest for each of its rows, partitions with the table that they are of. */
export type Image = ReadonlyMap<string, readonly string[]>

export async function tablesOf(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1`,
    [quoteIdentifier(schema)],
  )
  return rows.map(({ name }) => name)
}

export async function imageOf(client: Client, schema: string): Promise<Image> {
  const image = new Map<string, string[]>()
  for (const table of await tablesOf(client, schema)) {
    const { rows: columns } = await client.query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
       ORDER BY attnum`,
      [`${quoteIdentifier(schema)}.${quoteIdentifier(table)}`],
    )
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
    const { rows } = await client.query<{ digest: string }>(
      `SELECT md5(ROW(${list})::text) AS digest FROM ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
    )
    image.set(table, rows.map(({ digest }) => digest).toSorted())
  }
  return image
}

/** How two images differ: a line for each table and row. */
export function imageDifference(found: Image, expected: Image): string[] {
  return [...expected].flatMap(([table, rows]) => difference(table, found.get(table) ?? [], rows))
}

/** Rows by table that are live, in archive tables, or in cold files only: together as many as there ever were. */
export async function countsOf(client: Client, schema: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of await tablesOf(client, schema)) {
    const at = (where: string) => `${quoteIdentifier(where)}.${quoteIdentifier(table)}`
    const archive = at(`${schema}_archive`)
    const { rows: there } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
      archive,
    ])
    const { rows } = await client.query<{ rows: string }>(
      `SELECT (SELECT count(*) FROM ${at(schema)})
            + ${there[0]?.there ? `(SELECT count(*) FROM ${archive})` : '0'}
            + (SELECT COALESCE(sum(t.rows), 0)
               FROM steward.archive_batch_tables AS t
               JOIN steward.archive_batches AS b USING (batch_id)
               WHERE b.schema_name = $1 AND b.state = 'cold' AND t.table_name = $2) AS rows`,
      [schema, table],
    )
    counts[table] = Number(rows[0]?.rows)
  }
  return counts
}
