/**
 * The initial schema (systems/agensium.md, "SQL Table Definition", "User Model"; decisions 37 to 45): six tables with
 * their keys, checks, indexes and triggers. The SQL stands in `initial/`, a file an area; parents come before children.
 *
 * Every name carries the schema that the profile gives the system, so nothing depends on `search_path`, and all of it
 * stays within that one schema. Whatever is newer than PostgreSQL 14 is left out.
 */
import { migration, statements } from '../../src/model/migration.ts'
import { accountTables } from './initial/accounts.ts'
import { creditTables } from './initial/credits.ts'
import { functions } from './initial/functions.ts'
import { taskTables } from './initial/tasks.ts'

export default migration({
  name: '0001_initial_schema',
  async up(knex, { schema }) {
    const areas = [functions, accountTables, taskTables, creditTables]
    await statements(knex, ...areas.flatMap((area) => area(schema)))
  },
  async down(knex, { schema: s }) {
    await statements(
      knex,
      // One statement, so that the order of the tables does not matter; without CASCADE, so that a table or view that
      // someone else made on top of these stops it. DROP TABLE asks no trigger, so the ledger does not stop it.
      `DROP TABLE
  ${s}.stripe_webhook_events,
  ${s}.credit_transactions,
  ${s}.credit_wallets,
  ${s}.agent_costs,
  ${s}.tasks,
  ${s}.users`,
      `DROP FUNCTION ${s}.refuse_ledger_change(), ${s}.next_ulid(), ${s}.set_updated_at()`,
    )
  },
})
