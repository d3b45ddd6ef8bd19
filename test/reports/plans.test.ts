/**
 * How PostgreSQL means to run the reports on a large database: the rows of one task, workflow, organization or period
 * are found through indexes, never by reading a table from end to end.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReportInput } from '../../src/model/report.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

/** 50,000 tasks of 100 organizations in 100 days, with what belongs to them. */
beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.transaction(async (transaction) => {
    // Foreign keys hold by construction; checking them would take most of the time.
    await transaction.execute(sql`SET LOCAL session_replication_role = replica`)
    await transaction.execute(sql`
      INSERT INTO skyvern.organizations (organization_id, organization_name)
      SELECT 'o_' || n, 'Organization ' || n FROM generate_series(0, 99) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, created_at)
      SELECT 'tsk_' || n, 'o_' || n % 100, 'https://example.com', 'Look',
        (ARRAY['completed', 'completed', 'failed', 'running']::skyvern.task_status[])[1 + n / 100 % 4],
        '2026-01-01T00:00:00Z'::timestamptz + n * interval '172.8 seconds'
      FROM generate_series(0, 49999) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.steps (step_id, task_id, "order", step_type, status, created_at)
      SELECT 'stp_' || n, 'tsk_' || n, 1, 'action', 'completed',
        '2026-01-01T00:00:00Z'::timestamptz + n * interval '172.8 seconds'
      FROM generate_series(0, 49999) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.actions (action_id, step_id, action_type)
      SELECT 'act_' || n, 'stp_' || n * 5, 'click' FROM generate_series(0, 9999) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.artifacts (artifact_id, task_id, organization_id, artifact_type, uri, created_at)
      SELECT 'a_' || n, 'tsk_' || n, 'o_' || n % 100, 'recording', 'file:///a',
        '2026-01-01T00:00:00Z'::timestamptz + n * interval '172.8 seconds'
      FROM generate_series(0, 49999) AS n
      WHERE n / 100 % 2 = 0
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.workflows (workflow_id, organization_id, title, workflow_definition)
      SELECT 'w_' || n, 'o_' || n % 100, 'Workflow', '{}' FROM generate_series(0, 199) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.workflow_runs (workflow_run_id, workflow_id, organization_id, created_at)
      SELECT 'wr_' || n, 'w_' || n % 200, 'o_' || n % 100,
        '2026-01-01T00:00:00Z'::timestamptz + n * interval '864 seconds'
      FROM generate_series(0, 9999) AS n
    `)
    await transaction.execute(sql`
      INSERT INTO skyvern.workflow_blocks (workflow_run_id, block_index, block_type, started_at)
      SELECT 'wr_' || n / 3, n % 3, 'task', now() FROM generate_series(0, 29999) AS n
    `)
  })
  await database.db.execute(sql`ANALYZE`)
})
afterAll(() => database?.drop())

const WEEK = { since: '2026-03-01T00:00:00Z', until: '2026-03-08T00:00:00Z' }
const DAY = { since: '2026-03-01T00:00:00Z', until: '2026-03-02T00:00:00Z' }

describe('indexes find', () => {
  it('one task, its steps, actions and artifacts', async () => {
    const scans = await scansOf('task-summary', { task_id: 'tsk_31415' }, WEEK)
    expect(scans).toEqual([
      'summary: artifacts by ix_artifacts_task_id',
      'summary: steps by a task_id index',
      'summary: tasks by tasks_pkey',
      'steps: actions by ix_actions_step_id',
      'steps: steps by a task_id index',
    ])
  })

  it("one workflow's runs and their blocks", async () => {
    const parameters = { workflow_id: 'w_42' }
    for (const scan of [
      ...(await scansOf('workflow-analytics', parameters, WEEK)),
      ...(await scansOf('workflow-bottlenecks', parameters, WEEK)),
    ]) {
      expect(scan).toMatch(/ by /)
    }
  })

  it('one organization in a week', async () => {
    const parameters = { organization_id: 'o_42' }
    for (const report of ['organization-usage', 'organization-performance', 'step-metrics']) {
      for (const scan of await scansOf(report, parameters, WEEK)) expect(scan, report).toMatch(/ by /)
    }
  })

  it('one day of all organizations', async () => {
    for (const report of ['organization-usage', 'organization-performance', 'step-metrics']) {
      const scans = await scansOf(report, {}, DAY)
      // All workflows are counted, so their table is read.
      expect(
        scans.filter((scan) => !/ by |: workflows/.test(scan)),
        report,
      ).toEqual([])
      expect(
        scans.some((scan) => /created_at|_created/.test(scan)),
        report,
      ).toBe(true)
    }
  })
})

/** Every scan of a table in the plans of a report: `section: table by index`, or `section: table whole`. */
async function scansOf(
  name: string,
  parameters: ReportInput['parameters'],
  window: ReportInput['window'],
): Promise<string[]> {
  const report = skyvern.reports.find((candidate) => candidate.name === name)
  if (!report) throw new Error(`no report ${name}`)
  const input: ReportInput = { parameters, window, table: (table) => identifier('skyvern', table) }
  const found: string[] = []
  for (const section of report.sections) {
    const explained = await database.db.one(sql`EXPLAIN (FORMAT JSON) ${section.sql(input)}`)
    const scans = nodesOf(explained['QUERY PLAN']).flatMap((node) => scanOf(node))
    found.push(...scans.toSorted().map((scan) => `${section.key}: ${scan}`))
  }
  return found
}

type Node = ReadonlyMap<string, unknown>

function nodesOf(tree: unknown): Node[] {
  if (Array.isArray(tree)) return tree.flatMap(nodesOf)
  if (typeof tree !== 'object' || tree === null) return []
  return [new Map<string, unknown>(Object.entries(tree)), ...Object.values(tree).flatMap(nodesOf)]
}

function scanOf(node: Node): string[] {
  const type = node.get('Node Type')
  if (type === 'Seq Scan') return [`${node.get('Relation Name')} whole`]
  // An index without a condition is read from end to end as well.
  const index = node.has('Index Cond') ? String(node.get('Index Name')) : undefined
  if (type === 'Index Scan' || type === 'Index Only Scan') {
    return [`${node.get('Relation Name')} ${index === undefined ? 'whole' : `by ${plain(index)}`}`]
  }
  if (type !== 'Bitmap Heap Scan') return []
  const inner = nodesOf(node.get('Plans')).filter((child) => child.get('Node Type') === 'Bitmap Index Scan')
  const names = inner.map((child) => plain(String(child.get('Index Name'))))
  return [`${node.get('Relation Name')} by ${names.join(' and ')}`]
}

/** Four indexes of steps begin with task_id; which of them is cheapest does not matter. */
function plain(index: string): string {
  return /^ix_steps_(task_id|task_order|task_status_order)$/.test(index) ? 'a task_id index' : index
}
