/**
 * Files of rows that are deleted (decision 20): recorded as due in the transaction that deletes the rows, unless another
 * row stands for the same file, be it a live one or an archived one.
 */
import { archiveSchemaOf } from '../config/config.ts'
import type { Transaction } from '../db/database.ts'
import { ROW_GOES_FIRST } from '../db/tombstones.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Table } from './catalog-tables.ts'
import { notIn, type Rows, rowsSql } from './rows.ts'
import type { FileTable, Selection } from './selection.ts'

/**
 * Records the files of rows that are about to go.
 *
 * @param rows that go, by table
 * @returns how many files were recorded
 */
export async function recordTombstones(
  tx: Transaction,
  selection: Selection,
  rows: ReadonlyMap<Table, Rows>,
  runId: bigint,
): Promise<number> {
  const going = [...rows].flatMap(([table, set]) => {
    const file = selection.files.find((one) => one.table === table.name && selection.schema === table.schema)
    return file ? [{ table, set, file }] : []
  })
  if (going.length === 0) return 0
  const archived = await archivedTables(tx, selection)
  let recorded = 0
  for (const { table, set, file } of going) {
    const others = selection.files.map((other) => stillStandsFor(selection.schema, other, rows))
    const inArchive = selection.files
      .filter((other) => archived.has(other.table))
      .map(
        (other) => sql`
        AND NOT EXISTS (
          SELECT
          FROM ${identifier(archiveSchemaOf(selection.schema), other.table)} AS kept
          WHERE ${identifier('kept', other.uri)} = gone.uri
        )`,
      )
    const columns = { id: file.key, uri: file.uri, bytes: file.bytes }
    recorded += await tx.execute(sql`
      WITH gone AS MATERIALIZED (
        ${rowsSql(table, set, columns, table.oid)}
      )
      INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, bytes, why, run_id)
      SELECT DISTINCT ON (gone.uri)
             ${file.system}, ${selection.schema}, ${file.entity}, gone.id::text, gone.uri, gone.bytes,
             ${selection.rule}, ${runId}::bigint
      FROM gone
      WHERE gone.uri IS NOT NULL${join([...others, ...inArchive], '')}
        AND NOT EXISTS (SELECT FROM steward.archived_files AS cold WHERE cold.uri = gone.uri)
      ORDER BY gone.uri, gone.id
      ${ROW_GOES_FIRST}`)
  }
  return recorded
}

/** No row of another table, or one that stays, has the same file. */
function stillStandsFor(schema: string, other: FileTable, rows: ReadonlyMap<Table, Rows>): Sql {
  const own = [...rows].find(([table]) => table.schema === schema && table.name === other.table)
  return sql`
        AND NOT EXISTS (
          SELECT
          FROM ${identifier(schema, other.table)} AS kept
          WHERE ${identifier('kept', other.uri)} = gone.uri
          ${own === undefined ? raw('') : notIn(own[1], 'kept')}
        )`
}

/** Tables of the schema that have an archive table. */
async function archivedTables(tx: Transaction, { schema, files }: Selection): Promise<ReadonlySet<string>> {
  const rows = await tx.rows<{ name: string }>(sql`
    SELECT c.relname::text AS name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${archiveSchemaOf(schema)}
      AND c.relkind = 'r'
      AND c.relname = ANY (${files.map(({ table }) => table)}::text[])`)
  return new Set(rows.map(({ name }) => name))
}
