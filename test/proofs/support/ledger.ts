/**
 * What writers committed, written down by triggers in their own transactions: the last word on what each row holds,
 * whatever the archive did with it meanwhile.
 */
import type { Client } from 'pg'
import { quoteIdentifier } from '../../../src/model/sql.ts'
import { isDue, isFollowed } from '../../support/graph-model.ts'
import { type Graph, type GraphRow, type GraphTable, nameOf } from '../../support/graph-schema.ts'
import { cells, detachedIn, valuesOf, withReferences } from './placed-graph.ts'

/** The setting of a writer's transactions; those of the archive leave no trace in the ledger. */
export const WRITER = 'proofs.writer'

const LEDGER = 'proof_ledger'

/** Begins the ledger of a graph with the rows that are there. */
export async function openLedger(client: Client, graph: Graph): Promise<void> {
  const schema = quoteIdentifier(graph.schema)
  await client.query(
    `CREATE TABLE ${schema}.${LEDGER} (seq bigint GENERATED ALWAYS AS IDENTITY, place integer, id text, cells text)`,
  )
  for (const [place, table] of graph.tables.entries()) {
    const trigger = `${schema}.proof_writes_${place}`
    await client.query(`
      INSERT INTO ${schema}.${LEDGER} (place, id, cells)
      SELECT ${place}, r."id"::text, ${cellsSql(table, 'r')} FROM ${nameOf(table)} AS r;
      CREATE FUNCTION ${trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP <> 'INSERT' THEN
          INSERT INTO ${schema}.${LEDGER} (place, id, cells) VALUES (${place}, OLD."id"::text, NULL);
        END IF;
        IF TG_OP <> 'DELETE' THEN
          INSERT INTO ${schema}.${LEDGER} (place, id, cells) VALUES (${place}, NEW."id"::text, ${cellsSql(table, 'NEW')});
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER proof_writes AFTER INSERT OR UPDATE OR DELETE ON ${nameOf(table)} FOR EACH ROW
      WHEN (current_setting('${WRITER}', true) = 'on') EXECUTE FUNCTION ${trigger}();`)
  }
}

const cellsSql = (table: GraphTable, of: string) =>
  `ARRAY[${table.columns.map(({ name }) => `${of}.${quoteIdentifier(name)}::text`).join(', ')}]::text`

/**
 * What is wrong with live rows and archive together against the ledger: each row that the writers left must be in
 * exactly one of them, with what they last wrote.
 */
export async function ledgerFaults(client: Client, graph: Graph): Promise<string[]> {
  const letGo = await detachedIn(client, graph)
  const wrong: string[] = []
  for (const [place, table] of graph.tables.entries()) {
    const { rows } = await client.query<{ id: string; cells: (string | null)[] | null }>(
      `SELECT DISTINCT ON (id) id, cells::text[] AS cells
       FROM ${quoteIdentifier(graph.schema)}.${LEDGER}
       WHERE place = $1
       ORDER BY id, seq DESC`,
      [place],
    )
    const last = new Map(rows.map((row) => [row.id, row.cells === null ? null : JSON.stringify(row.cells)]))
    const places = new Map<string, string[]>()
    for (const where of ['live', 'archive'] as const) {
      for (const row of await valuesOf(client, table, where === 'archive')) {
        const id = row.id ?? ''
        places.set(id, [...(places.get(id) ?? []), where])
        const expected = last.get(id)
        const found = [cells(table, row), cells(table, withReferences(row, table, letGo))]
        if (expected === undefined || expected === null)
          wrong.push(`${table.name} ${id} is in ${where}, and was deleted`)
        else if (!found.includes(expected))
          wrong.push(`${table.name} ${id} in ${where}: ${found[0]} is not ${expected}`)
      }
    }
    for (const [id, expected] of last) {
      const found = places.get(id) ?? []
      if (expected !== null && found.length !== 1) {
        wrong.push(`${table.name} ${id} is in ${found.length === 0 ? 'neither' : found.join(' and ')}: ${expected}`)
      }
    }
  }
  return wrong
}

/** Rows of the live tables, as the model reads them. */
export async function liveRows(client: Client, graph: Graph): Promise<GraphRow[]> {
  const rows: GraphRow[] = []
  for (const [place, table] of graph.tables.entries()) {
    rows.push(...(await valuesOf(client, table)).map((values) => ({ table: place, values })))
  }
  return rows
}

/** Archived rows that no due root of their batch leads to: nothing that the rule is about would have moved them. */
export async function strays(client: Client, graph: Graph): Promise<string[]> {
  const batches = new Map<string, GraphRow[]>()
  for (const [place, table] of graph.tables.entries()) {
    const marked = { ...table, columns: [...table.columns, { name: 'steward_batch_id', type: 'bigint' }] }
    for (const values of await valuesOf(client, marked, true)) {
      const batch = values.steward_batch_id ?? ''
      batches.set(batch, [...(batches.get(batch) ?? []), { table: place, values }])
    }
  }
  return [...batches].flatMap(([batch, rows]) => {
    const reached = new Set(rows.filter((row) => isDue(graph, row)))
    for (const parent of reached) {
      for (const key of graph.keys) {
        if (key.parent !== parent.table || !isFollowed(graph, key)) continue
        for (const child of rows) {
          const refers = key.columns.every((column, index) => {
            const value = child.values[column] ?? null
            return value !== null && value === parent.values[key.parentColumns[index] ?? '']
          })
          if (child.table === key.child && refers) reached.add(child)
        }
      }
    }
    return rows
      .filter((row) => !reached.has(row))
      .map(({ table, values }) => `batch ${batch}: ${graph.tables[table]?.name} ${values.id} belongs to no due root`)
  })
}
