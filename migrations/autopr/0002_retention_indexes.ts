/**
 * Indexes by which retention finds what is due (decision 36), so that a table of millions is not read through for the
 * few rows that ended long enough ago. Rows that have not ended are not in them, which keeps them out of the way of the
 * updates before the last.
 */
import { migration, statements } from '../../src/model/migration.ts'

const indexes = (s: string): Readonly<Record<string, string>> => ({
  idx_workflow_executions_completed_at: `${s}.workflow_executions (completed_at) WHERE completed_at IS NOT NULL`,
  idx_integration_events_processed_at: `${s}.integration_events (processed_at) WHERE processed_at IS NOT NULL`,
})

export default migration({
  name: '0002_retention_indexes',
  async up(knex, { schema }) {
    const created = Object.entries(indexes(schema)).map(([name, on]) => `CREATE INDEX ${name} ON ${on}`)
    await statements(knex, ...created)
  },
  async down(knex, { schema }) {
    await statements(knex, ...Object.keys(indexes(schema)).map((name) => `DROP INDEX ${schema}.${name}`))
  },
})
