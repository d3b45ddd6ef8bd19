/** One row of each of Skyvern's tables, all of one organization and hanging together. */
import type { Database } from '../../../src/db/database.ts'
import { sql } from '../../../src/model/sql.ts'

/** Inserts them in one statement a table, ids given so that tests can name them. */
export async function insertWorld(db: Database): Promise<void> {
  const rows = [
    sql`INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'Acme')`,
    sql`INSERT INTO skyvern.users (user_id, organization_id, email) VALUES ('u_1', 'o_1', 'ann@example.com')`,
    sql`INSERT INTO skyvern.api_keys (api_key_id, organization_id, name, key_hash, key_prefix)
        VALUES ('ak_1', 'o_1', 'ci', repeat('a', 64), 'sk_abc')`,
    sql`INSERT INTO skyvern.browser_sessions (browser_session_id, organization_id) VALUES ('pbs_1', 'o_1')`,
    sql`INSERT INTO skyvern.tasks (task_id, organization_id, created_by, browser_session_id, url, navigation_goal)
        VALUES ('tsk_1', 'o_1', 'u_1', 'pbs_1', 'https://example.com', 'look')`,
    sql`INSERT INTO skyvern.steps (step_id, task_id, "order", step_type) VALUES ('stp_1', 'tsk_1', 1, 'action')`,
    sql`INSERT INTO skyvern.actions (action_id, step_id, action_type) VALUES ('act_1', 'stp_1', 'click')`,
    sql`INSERT INTO skyvern.task_logs (task_log_id, task_id, message) VALUES ('tl_1', 'tsk_1', 'hello')`,
    sql`INSERT INTO skyvern.step_logs (step_log_id, step_id, message) VALUES ('sl_1', 'stp_1', 'hello')`,
    sql`INSERT INTO skyvern.workflows (workflow_id, organization_id, created_by, title, workflow_definition)
        VALUES ('w_1', 'o_1', 'u_1', 'Invoices', '{}')`,
    sql`INSERT INTO skyvern.workflow_runs (workflow_run_id, workflow_id, organization_id, initiated_by, browser_session_id)
        VALUES ('wr_1', 'w_1', 'o_1', 'u_1', 'pbs_1')`,
    sql`INSERT INTO skyvern.workflow_blocks (workflow_block_id, workflow_run_id, block_index, block_type)
        VALUES ('wrb_1', 'wr_1', 0, 'task')`,
    sql`INSERT INTO skyvern.workflow_run_logs (workflow_run_log_id, workflow_run_id, message)
        VALUES ('wrl_1', 'wr_1', 'hello')`,
    sql`INSERT INTO skyvern.artifacts (artifact_id, organization_id, task_id, step_id, artifact_type, uri)
        VALUES ('a_1', 'o_1', 'tsk_1', 'stp_1', 'screenshot_step', 'file:///x.png')`,
    sql`INSERT INTO skyvern.artifacts (artifact_id, organization_id, workflow_run_id, artifact_type, uri)
        VALUES ('a_2', 'o_1', 'wr_1', 'recording', 'file:///x.webm')`,
    sql`INSERT INTO skyvern.screenshots (screenshot_id, step_id, artifact_id, uri)
        VALUES ('scr_1', 'stp_1', 'a_1', 'file:///x.png')`,
  ]
  await db.transaction(async (tx) => {
    for (const row of rows) await tx.execute(row)
  })
}
