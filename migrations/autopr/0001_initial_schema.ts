/**
 * The initial schema (systems/autopr.md, "Table Definitions"; decisions 28 to 35): seven tables with their keys,
 * checks, indexes and triggers. The SQL stands in `initial/`, a file an area; parents come before children.
 *
 * Every name carries the schema that the profile gives the system, so nothing depends on `search_path`, and all of it
 * stays within that one schema. Whatever is newer than PostgreSQL 14 is left out.
 */
import { migration, statements } from '../../src/model/migration.ts'
import { executionTables } from './initial/executions.ts'
import { functions } from './initial/functions.ts'
import { integrationTables } from './initial/integrations.ts'
import { logTables } from './initial/logs.ts'
import { workflowTables } from './initial/workflows.ts'

export default migration({
  name: '0001_initial_schema',
  async up(knex, { schema }) {
    const areas = [functions, workflowTables, executionTables, logTables, integrationTables]
    await statements(knex, ...areas.flatMap((area) => area(schema)))
  },
  async down(knex, { schema: s }) {
    await statements(
      knex,
      // One statement, so that the order of the tables does not matter; without CASCADE, so that a table or view that
      // someone else made on top of these stops it. The partitions of the log go with it.
      `DROP TABLE
  ${s}.integration_events,
  ${s}.integrations,
  ${s}.execution_logs,
  ${s}.workflow_executions,
  ${s}.workflow_triggers,
  ${s}.workflow_actions,
  ${s}.workflows`,
      `DROP FUNCTION ${s}.set_updated_at(), ${s}.set_claimed_at(), ${s}.next_execution_id()`,
      `DROP SEQUENCE ${s}.execution_number`,
    )
  },
})
