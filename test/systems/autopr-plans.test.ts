/** The queries of the document find their rows through the indexes that it names; `bench/` times them on more rows. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { indexesOf, LONG_LOG, parentIndex, QUERIES } from '../../bench/autopr-queries.ts'
import { quoteLiteral, raw, sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase

/** 5,000 workflows, 20,000 executions with two lines each and one long log, 10,000 events of which 200 wait. */
beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.transaction(async (tx) => {
    const fill = [
      // Foreign keys hold by construction; checking them would take most of the time.
      'SET LOCAL session_replication_role = replica',
      `INSERT INTO autopr.workflows (name, status, config)
       SELECT 'Workflow ' || n, CASE WHEN n % 12 = 0 THEN 'archived' ELSE 'active' END,
         jsonb_build_object('max_retries', n % 5, 'notification_channels',
           CASE WHEN n % 50 = 0 THEN '["discord"]' ELSE '["slack", "email"]' END::jsonb)
       FROM generate_series(1, 5000) AS n`,
      // Each with a start of its own, as they have: the composite index is then the larger one.
      `INSERT INTO autopr.workflow_executions (workflow_id, status, created_at, started_at, completed_at)
       SELECT w.ids[1 + n % (CASE WHEN n % 2 = 0 THEN 40 ELSE 5000 END)], 'completed', at, at, at
       FROM generate_series(1, 20000) AS n,
         LATERAL (SELECT now() - n * interval '1 minute' AS at) AS t,
         (SELECT array_agg(id) AS ids FROM autopr.workflows) AS w`,
      `INSERT INTO autopr.execution_logs (execution_id, level, message, created_at)
       SELECT id, 'INFO', 'line', created_at FROM autopr.workflow_executions, generate_series(1, 2)`,
      LONG_LOG,
      `INSERT INTO autopr.integrations (name, type) VALUES ('GitHub', 'github')`,
      `INSERT INTO autopr.integration_events (integration_id, event_type, status, created_at)
       SELECT i.id, 'push', CASE WHEN n <= 200 THEN 'pending' ELSE 'completed' END, now() - n * interval '1 minute'
       FROM autopr.integrations AS i, generate_series(1, 10000) AS n`,
    ]
    for (const statement of fill) await tx.execute(raw(statement))
  })
  await database.db.execute(raw('VACUUM ANALYZE'))
})
afterAll(() => database?.drop())

it.each(QUERIES)('$name', async ({ subject, sql: about, index, rows: [least, most] }) => {
  const { db } = database
  const [found = {}] = await db.rows(raw(subject))
  const query = about(quoteLiteral(String(Object.values(found)[0])))
  const explained = await db.one(raw(`EXPLAIN (FORMAT JSON) ${query}`))
  const used: unknown[] = []
  for (const name of new Set(indexesOf(JSON.stringify(explained, null, 1)))) {
    used.push(...(await db.rows(raw(parentIndex(name)))).flatMap((row) => Object.values(row)))
  }
  expect([...new Set(used)]).toEqual(index === undefined ? [] : [index])
  const count = (await db.rows(raw(query))).length
  expect(count).toBeGreaterThanOrEqual(least)
  expect(count).toBeLessThanOrEqual(most)
})

it('event claim walks the queue, not the history before it', async () => {
  const { db, url } = database
  const scans = async () => {
    const rows = await db.rows<{ name: string; scans: bigint }>(sql`
      SELECT indexrelname::text AS name, idx_scan AS scans
      FROM pg_stat_user_indexes
      WHERE indexrelname IN ('idx_integration_events_queue', 'idx_integration_events_created_at')`)
    return Object.fromEntries(rows.map(({ name, scans }) => [name, scans]))
  }
  const { idx_integration_events_queue: queue = 0n, ...before } = await scans()
  const { stdout } = await runCli(['--url', url, 'autopr', 'event', 'claim', '--limit', '2', '-o', 'ndjson'])
  expect(stdout.trim().split('\n')).toHaveLength(2)
  // A server process reports what it did when it ends.
  await expect
    .poll(async () => (await scans()).idx_integration_events_queue, { timeout: 10_000 })
    .toBeGreaterThan(queue)
  expect(await scans()).toMatchObject(before)
})
