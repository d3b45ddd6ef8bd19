/**
 * One-time password support for tasks (systems/skyvern.md, "Migration 015"). Adding nullable columns without a
 * default rewrites nothing; the index reads the table once and holds off writers meanwhile.
 */
import { migration, statements } from '../../src/model/migration.ts'

export default migration({
  name: '0003_task_totp',
  async up(knex, { schema }) {
    await statements(
      knex,
      `ALTER TABLE ${schema}.tasks
  ADD COLUMN totp_verification_url text,
  ADD COLUMN totp_identifier text`,
      `CREATE INDEX ix_tasks_totp_identifier ON ${schema}.tasks (totp_identifier)`,
    )
  },
  async down(knex, { schema }) {
    await statements(
      knex,
      `DROP INDEX ${schema}.ix_tasks_totp_identifier`,
      `ALTER TABLE ${schema}.tasks
  DROP COLUMN totp_identifier,
  DROP COLUMN totp_verification_url`,
    )
  },
})
