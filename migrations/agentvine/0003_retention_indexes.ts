/**
 * Indexes by which retention finds what is due (decision 50), so that a table of millions is not read through for the
 * few rows that ended long enough ago. Rows that have not ended are not in them, which keeps them out of the way of the
 * updates before the last.
 */
import { migration, statements } from '../../src/model/migration.ts'

const indexes = (s: string): Readonly<Record<string, string>> => ({
  idx_executions_completed_at: `${s}.executions (completed_at) WHERE completed_at IS NOT NULL`,
})

export default migration({
  name: '0003_retention_indexes',
  async up(knex, { schema }) {
    const created = Object.entries(indexes(schema)).map(([name, on]) => `CREATE INDEX ${name} ON ${on}`)
    await statements(knex, ...created)
  },
  async down(knex, { schema }) {
    await statements(knex, ...Object.keys(indexes(schema)).map((name) => `DROP INDEX ${schema}.${name}`))
  },
})
