/**
 * The initial schema (systems/devflow.md; decisions 54 to 61): enum types, eight tables with their keys, checks,
 * indexes and triggers, and four views. The SQL stands in `initial/`, a file an area; parents come before children.
 *
 * Every name carries the schema that the profile gives the system, so nothing depends on `search_path`, and all of it
 * stays within that one schema, as Citus wants of a distributed schema.
 */
import { migration, statements } from '../../src/model/migration.ts'
import { agentTables } from './initial/agents.ts'
import { auditTrail } from './initial/audit.ts'
import { dependencyTables } from './initial/dependencies.ts'
import { functions } from './initial/functions.ts'
import { pullRequestTables } from './initial/pull-requests.ts'
import { taskTables } from './initial/tasks.ts'
import { types } from './initial/types.ts'
import { views } from './initial/views.ts'

export default migration({
  name: '0001_initial_schema',
  async up(knex, { schema }) {
    const areas = [types, functions, taskTables, dependencyTables, pullRequestTables, agentTables, auditTrail, views]
    await statements(knex, ...areas.flatMap((area) => area(schema)))
  },
  async down(knex, { schema: s }) {
    await statements(
      knex,
      `DROP VIEW ${s}.index_usage_stats, ${s}.pr_validation_status, ${s}.task_execution_summary, ${s}.active_tasks`,
      // One statement, so that the order of the tables does not matter; without CASCADE, so that a table or view
      // that someone else made on top of these stops it.
      `DROP TABLE
  ${s}.agent_configurations,
  ${s}.workflow_events,
  ${s}.validations,
  ${s}.pull_requests,
  ${s}.dependencies,
  ${s}.task_executions,
  ${s}.tasks,
  ${s}.projects`,
      `DROP FUNCTION
  ${s}.record_change(),
  ${s}.project_validations(),
  ${s}.project_dependencies(),
  ${s}.refuse_cycle(),
  ${s}.nests_at_most_ten(jsonb),
  ${s}.set_updated_at()`,
      `DROP TYPE
  ${s}.validation_result,
  ${s}.execution_status,
  ${s}.pr_status,
  ${s}.agent_type,
  ${s}.task_status`,
    )
  },
})
