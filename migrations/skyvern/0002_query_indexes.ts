/**
 * The indexes of the document's optimization section (systems/skyvern.md, "Index Strategy"): composite and partial
 * ones for the common filters and reports. ix_steps_task_order is not among them, since the unique constraint of
 * that name exists already (decisions 7 and 22). ix_artifacts_uri is added: a delete asks for each file whether another
 * row shares it (decision 20).
 *
 * Built inside the migration's transaction: all of them or none, and no invalid index after an interruption
 * (decision 15). The tables are as young as the migration before.
 */
import { migration, statements } from '../../src/model/migration.ts'

const indexes = (s: string): Readonly<Record<string, string>> => ({
  ix_tasks_organization_status: `${s}.tasks (organization_id, status)`,
  // With the key that breaks ties, a list needs no sort however many tasks one import made at the same instant.
  ix_tasks_created_at_desc: `${s}.tasks (created_at DESC, task_id DESC)`,
  ix_tasks_status_completed_at: `${s}.tasks (status, completed_at) WHERE completed_at IS NOT NULL`,
  ix_tasks_org_status_created: `${s}.tasks (organization_id, status, created_at DESC)`,
  ix_steps_status_task: `${s}.steps (status, task_id)`,
  ix_steps_task_status_order: `${s}.steps (task_id, status, "order")`,
  ix_workflow_runs_workflow_status: `${s}.workflow_runs (workflow_id, status)`,
  ix_workflow_runs_org_created: `${s}.workflow_runs (organization_id, created_at DESC)`,
  ix_workflow_runs_status_started: `${s}.workflow_runs (status, started_at) WHERE started_at IS NOT NULL`,
  ix_artifacts_type_created: `${s}.artifacts (artifact_type, created_at)`,
  ix_artifacts_org_size: `${s}.artifacts (organization_id, file_size_bytes)`,
  ix_artifacts_uri: `${s}.artifacts USING hash (uri)`,
})

export default migration({
  name: '0002_query_indexes',
  async up(knex, { schema }) {
    const created = Object.entries(indexes(schema)).map(([name, on]) => `CREATE INDEX ${name} ON ${on}`)
    await statements(knex, ...created)
  },
  async down(knex, { schema }) {
    await statements(knex, ...Object.keys(indexes(schema)).map((name) => `DROP INDEX ${schema}.${name}`))
  },
})
