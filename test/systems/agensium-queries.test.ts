/** The query patterns of Agensium's document, each answered from an index it names or from that of decision 43. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { agensiumSeeds } from '../../seeds/agensium/index.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { seed } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await seed(database.db, { schema: 'agensium' }, agensiumSeeds)
})
afterAll(() => database?.drop())

it.each([
  [
    "a user's tasks, a page at a time, without a sort",
    'SELECT * FROM agensium.tasks WHERE user_id = 1000000000 ORDER BY created_at DESC LIMIT 20',
    /Limit\s+->\s+Index Scan Backward using idx_tasks_user_created/,
  ],
  [
    "a user's active tasks",
    `SELECT * FROM agensium.tasks WHERE user_id = 1000000000 AND status IN ('PROCESSING', 'QUEUED')`,
    /idx_tasks_user_status/,
  ],
  [
    'tasks to expire',
    `SELECT * FROM agensium.tasks WHERE status = 'CREATED' AND created_at < now() - interval '15 minutes'`,
    /idx_tasks_(status|created_at)/,
  ],
  ['what was booked for a task', `SELECT * FROM agensium.credit_transactions WHERE analysis_id = 'x'`, /analysis_id/],
  [
    "a user's transactions, newest first, without a sort",
    'SELECT * FROM agensium.credit_transactions WHERE user_id = 1000000000 ORDER BY created_at DESC LIMIT 20',
    /Limit\s+->\s+Index Scan Backward using idx_credit_transactions_user_created/,
  ],
  [
    'events that failed or wait',
    'SELECT * FROM agensium.stripe_webhook_events WHERE processed_at IS NULL ORDER BY created_at LIMIT 20',
    /idx_stripe_webhook_events_unprocessed/,
  ],
])('%s', async (_, query, uses) => {
  const plan = await database.db.transaction(async (tx) => {
    // A table of a few pages is read whole; what matters is that an index serves the query at all.
    await tx.execute(sql`SET LOCAL enable_seqscan = off`)
    await tx.execute(sql`SET LOCAL enable_bitmapscan = off`)
    return tx.rows<{ 'QUERY PLAN': string }>(sql`EXPLAIN (COSTS OFF) ${raw(query)}`)
  })
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(uses)
})
