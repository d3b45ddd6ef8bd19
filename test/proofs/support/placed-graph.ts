/** A graph in a database: loaded, looked at row by row, and compared with what it was. */
import { Client } from 'pg'
import { archiveSchemaOf, type Endpoint } from '../../../src/config/config.ts'
import { quoteIdentifier } from '../../../src/model/sql.ts'
import { referencesOf, type Verdict } from '../../support/graph-model.ts'
import { type Graph, type GraphTable, graphDdl, nameOf } from '../../support/graph-schema.ts'

/** The cells of a row as text, in the order of its table's columns, as one text. */
export type Cells = string

export interface PlacedGraph {
  readonly graph: Graph
  /** Rows by place of their table, as they were loaded. */
  readonly original: readonly (readonly Cells[])[]
}

/** A plain connection that prints values the same way on every machine; statements as text, several at once too. */
export async function openClient({ host, port, user, password, database }: Endpoint): Promise<Client> {
  const client = new Client({ host, port, user, database, ...(password === undefined ? {} : { password }) })
  // A proof that cuts connections cuts this one too, and hears of it by its statements.
  client.on('error', () => {})
  await client.connect()
  await client.query(`SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET client_min_messages = 'error'`)
  return client
}

/** Loads a graph into schemas of its own. */
export async function placeGraph(client: Client, graph: Graph): Promise<PlacedGraph> {
  await client.query(graphDdl(graph))
  return { graph, original: await allRows(client, graph) }
}

/** Removes the graph, and what was archived of it. */
export async function removeGraph(client: Client, graph: Graph): Promise<void> {
  const schemas = new Set([graph.schema, ...graph.tables.map(({ schema }) => schema)])
  for (const schema of schemas) {
    await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`)
    await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(archiveSchemaOf(schema))} CASCADE`)
  }
}

async function allRows(client: Client, graph: Graph): Promise<Cells[][]> {
  const rows: Cells[][] = []
  for (const table of graph.tables) rows.push(await cellsOf(client, table))
  return rows
}

/** @param archived reads the table's archive, empty where there is none */
async function cellsOf(client: Client, table: GraphTable, archived = false): Promise<Cells[]> {
  return (await valuesOf(client, table, archived)).map((values) => cells(table, values))
}

/** The rows of a table, values as text. */
export async function valuesOf(
  client: Client,
  table: GraphTable,
  archived = false,
): Promise<Record<string, string | null>[]> {
  const place = archived ? { ...table, schema: archiveSchemaOf(table.schema) } : table
  if (archived) {
    const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
      nameOf(place),
    ])
    if (!rows[0]?.there) return []
  }
  const columns = table.columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(', ')
  // Rows as arrays: the names of columns may be anything.
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${columns} FROM ${nameOf(place)}`,
    rowMode: 'array',
  })
  return rows.map((row) => Object.fromEntries(table.columns.map(({ name }, index) => [name, row[index] ?? null])))
}

export const cells = (table: GraphTable, values: Readonly<Record<string, string | null>>): Cells =>
  JSON.stringify(table.columns.map(({ name }) => values[name] ?? null))

/**
 * What is wrong with the database: live rows, archived rows and references let go of, together, against the rows as
 * they were loaded; and the rows of live tables against their keys.
 */
export async function losses(client: Client, { graph, original }: PlacedGraph): Promise<string[]> {
  const letGo = await detachedIn(client, graph)
  const wrong: string[] = []
  const live: Graph['rows'][number][] = []
  for (const [index, table] of graph.tables.entries()) {
    const values = await valuesOf(client, table)
    live.push(...values.map((row) => ({ table: index, values: row })))
    const restored = values.map((row) => cells(table, withReferences(row, table, letGo)))
    const archived = (await valuesOf(client, table, true)).map((row) =>
      cells(table, withReferences(row, table, letGo)),
    )
    wrong.push(...difference(`${nameOf(table)}: live and archive`, [...restored, ...archived], original[index] ?? []))
  }
  try {
    referencesOf({ ...graph, rows: live })
  } catch (error) {
    wrong.push(`a reference of a live row is broken: ${error instanceof Error ? error.message : ''}`)
  }
  return wrong
}

/** What is wrong with which rows moved, against the model. */
export async function mismatches(client: Client, { graph }: PlacedGraph, { moved }: Verdict): Promise<string[]> {
  const wrong: string[] = []
  for (const [index, table] of graph.tables.entries()) {
    // The model knows nothing of what the database generates.
    const given = { ...table, columns: table.columns.filter(({ generated }) => generated === undefined) }
    const expected = graph.rows
      .filter((row, place) => row.table === index && moved.has(place))
      .map(({ values }) => cells(given, values))
    const letGo = await detachedIn(client, graph)
    const archived = (await valuesOf(client, given, true)).map((row) =>
      cells(given, withReferences(row, table, letGo)),
    )
    wrong.push(...difference(`${nameOf(table)}: archive`, archived, expected))
  }
  return wrong
}

export interface Detached {
  readonly table: string
  readonly key: Readonly<Record<string, string | null>>
  readonly reference: Readonly<Record<string, string | null>>
}

/** References that were let go of, the newest first. */
export async function detachedIn(client: Client, graph: Graph): Promise<Detached[]> {
  const { rows } = await client.query<{ name: string; key: string; reference: string }>(
    `SELECT d.schema_name || '/' || d.table_name AS name,
            (SELECT json_object_agg(key, value) FROM jsonb_each_text(d.row_key))::text AS key,
            (SELECT json_object_agg(key, value) FROM jsonb_each_text(d.reference))::text AS reference
     FROM steward.archive_detached AS d
     JOIN steward.archive_batches AS b USING (batch_id)
     WHERE b.schema_name = $1
     ORDER BY batch_id DESC`,
    [graph.schema],
  )
  return rows.map(({ name, key, reference }) => ({
    table: name,
    key: JSON.parse(key),
    reference: JSON.parse(reference),
  }))
}

/** The row as it was before its references were let go of. */
export function withReferences(
  row: Readonly<Record<string, string | null>>,
  { schema, name }: GraphTable,
  detached: readonly Detached[],
): Record<string, string | null> {
  const own = detached.filter(
    ({ table, key }) =>
      table === `${schema}/${name}` && Object.entries(key).every(([column, value]) => row[column] === value),
  )
  // What was let go of first holds the oldest values, so it comes last.
  return Object.assign({}, row, ...own.map(({ reference }) => reference))
}

/** Rows of one multiset that are not in the other, in words. */
export function difference(what: string, found: readonly Cells[], expected: readonly Cells[]): string[] {
  const count = new Map<Cells, number>()
  for (const row of expected) count.set(row, (count.get(row) ?? 0) + 1)
  for (const row of found) count.set(row, (count.get(row) ?? 0) - 1)
  return [...count].flatMap(([row, missing]) => {
    if (missing === 0) return []
    return [missing > 0 ? `${what} lack ${missing} × ${row}` : `${what} have ${-missing} × too many ${row}`]
  })
}
