/**
 * The initial schema (systems/skyvern.md, "Migration 001"; decisions 9 to 27): enum types, id generation, fifteen
 * tables with their keys, checks, triggers and the indexes of the table definitions. The SQL stands in
 * `initial/`, a file an area; parents come before children.
 *
 * Every name carries the schema that the profile gives the system, so nothing depends on `search_path`, and all
 * of it stays within that one schema, as Citus wants of a distributed schema. `ON DELETE SET NULL (column)`,
 * NULLS NOT DISTINCT and whatever else is newer than PostgreSQL 14 is left out.
 */
import { migration, statements } from '../../src/model/migration.ts'
import { accountTables } from './initial/accounts.ts'
import { artifactTables } from './initial/artifacts.ts'
import { functions } from './initial/functions.ts'
import { taskTables } from './initial/tasks.ts'
import { types } from './initial/types.ts'
import { workflowTables } from './initial/workflows.ts'

export default migration({
  name: '0001_initial_schema',
  async up(knex, { schema }) {
    const areas = [types, functions, accountTables, taskTables, workflowTables, artifactTables]
    await statements(knex, ...areas.flatMap((area) => area(schema)))
  },
  async down(knex, { schema: s }) {
    await statements(
      knex,
      // One statement, so that the order of the tables does not matter; without CASCADE, so that a table or view
      // that someone else made on top of these stops it.
      `DROP TABLE
  ${s}.screenshots,
  ${s}.artifacts,
  ${s}.workflow_run_logs,
  ${s}.workflow_blocks,
  ${s}.workflow_runs,
  ${s}.workflows,
  ${s}.step_logs,
  ${s}.task_logs,
  ${s}.actions,
  ${s}.steps,
  ${s}.tasks,
  ${s}.browser_sessions,
  ${s}.api_keys,
  ${s}.users,
  ${s}.organizations`,
      `DROP FUNCTION ${s}.set_modified_at(), ${s}.set_updated_at(), ${s}.next_id(text)`,
      `DROP SEQUENCE ${s}.id_sequence`,
      `DROP TYPE
  ${s}.browser_session_status,
  ${s}.workflow_block_status,
  ${s}.workflow_run_status,
  ${s}.artifact_type,
  ${s}.action_type,
  ${s}.step_status,
  ${s}.task_status`,
    )
  },
})
