/** What Steward wrote down about a graph's archive, against the rows themselves. */
import type { Client } from 'pg'
import { archiveSchemaOf } from '../../../src/config/config.ts'
import { quoteIdentifier } from '../../../src/model/sql.ts'
import { type Graph, nameOf } from '../../support/graph-schema.ts'

/**
 * What is wrong with the records of batches, cursors and runs once every run is over: in words, nothing when all is
 * right.
 */
export async function recordFaults(client: Client, graph: Graph): Promise<string[]> {
  const wrong: string[] = []
  const recorded = await client.query<{ batch: string; table: string; rows: string; state: string }>(
    `SELECT batch_id AS batch, table_name AS table, t.rows, b.state
     FROM steward.archive_batches AS b
     JOIN steward.archive_batch_tables AS t USING (batch_id)
     WHERE b.schema_name = $1`,
    [graph.schema],
  )
  const expected = new Map(recorded.rows.map(({ batch, table, rows }) => [`${batch}/${table}`, Number(rows)]))
  for (const table of graph.tables) {
    const archive = nameOf({ ...table, schema: archiveSchemaOf(table.schema) })
    const { rows: there } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
      archive,
    ])
    if (!there[0]?.there) continue
    const { rows } = await client.query<{ batch: string; rows: string }>(
      `SELECT ${quoteIdentifier('steward_batch_id')} AS batch, count(*) AS rows FROM ${archive} GROUP BY 1`,
    )
    for (const { batch, rows: count } of rows) {
      const name = `${batch}/${table.name}`
      const said = expected.get(name) ?? 0
      expected.delete(name)
      if (said !== Number(count)) wrong.push(`batch ${name} has ${count} rows, its record says ${said}`)
    }
  }
  for (const [name, rows] of expected)
    if (rows !== 0) wrong.push(`batch ${name} has no rows, its record says ${rows}`)
  const { rows: heads } = await client.query<{ batch: string; roots: string; moved: string; runs: string }>(
    `SELECT b.batch_id AS batch, b.roots, COALESCE(t.rows, 0) AS moved,
            (SELECT count(*) FROM steward.journal AS j WHERE j.run_id = b.run_id) AS runs
     FROM steward.archive_batches AS b
     LEFT JOIN steward.archive_batch_tables AS t ON t.batch_id = b.batch_id AND t.table_name = b.root_table
     WHERE b.schema_name = $1`,
    [graph.schema],
  )
  for (const { batch, roots, moved, runs } of heads) {
    if (Number(roots) < 1 || Number(roots) > Number(moved)) {
      wrong.push(`batch ${batch} says ${roots} roots and has ${moved} rows of their table`)
    }
    if (Number(runs) !== 1) wrong.push(`batch ${batch} belongs to no run`)
  }
  const { rows: cursors } = await client.query('SELECT rule FROM steward.retention_cursors WHERE schema_name = $1', [
    graph.schema,
  ])
  if (cursors.length > 0) wrong.push('a cursor is left although the run came to its end')
  return wrong
}

/** Runs that count as running, of which there must be none once every process is gone and another run has begun. */
export async function runningRuns(client: Client): Promise<number> {
  const { rows } = await client.query<{ runs: string }>(
    'SELECT count(*) AS runs FROM steward.journal WHERE outcome IS NULL',
  )
  return Number(rows[0]?.runs)
}
