/**
 * The initial schema (systems/agentvine.md, "Tables"; decisions 46 to 53): the document's twelve tables and the versions
 * of documents, with their keys, checks, indexes and triggers. The SQL stands in `initial/`, a file an area; parents
 * come before children.
 *
 * Every name carries the schema that the profile gives the system, so nothing depends on `search_path`, and all of it
 * stays within that one schema. Whatever is newer than PostgreSQL 14 is left out. Columns that the document gives a
 * default take no NULL, which would pass every check (decision 27).
 */
import { migration, statements } from '../../src/model/migration.ts'
import { chatTables } from './initial/chat.ts'
import { documentTables } from './initial/documents.ts'
import { functions } from './initial/functions.ts'
import { logTables } from './initial/logs.ts'
import { queueTables } from './initial/queue.ts'
import { taskTables } from './initial/tasks.ts'
import { userTables } from './initial/users.ts'
import { workerTables } from './initial/workers.ts'

export default migration({
  name: '0001_initial_schema',
  async up(knex, { schema }) {
    const areas = [
      functions,
      userTables,
      workerTables,
      taskTables,
      queueTables,
      logTables,
      chatTables,
      documentTables,
    ]
    await statements(knex, ...areas.flatMap((area) => area(schema)))
  },
  async down(knex, { schema: s }) {
    await statements(
      knex,
      // One statement, so that the order of the tables does not matter; without CASCADE, so that a table or view that
      // someone else made on top of these stops it. The partitions of the log go with it.
      `DROP TABLE
  ${s}.context_document_versions,
  ${s}.context_documents,
  ${s}.chat_attachments,
  ${s}.chat_messages,
  ${s}.execution_logs,
  ${s}.executions,
  ${s}.worker_assignments,
  ${s}.work_orders,
  ${s}.task_dependencies,
  ${s}.tasks,
  ${s}.worker_capabilities,
  ${s}.workers,
  ${s}.users`,
      `DROP FUNCTION
  ${s}.keep_document_version(),
  ${s}.count_document_version(),
  ${s}.check_sender(),
  ${s}.refuse_deleting_busy_worker(),
  ${s}.assignments_changed(),
  ${s}.keep_worker_status(),
  ${s}.refuse_dependency_cycle(),
  ${s}.capabilities_changed(),
  ${s}.project_capabilities(),
  ${s}.set_updated_at()`,
    )
  },
})
