/** AgentVine's seed data: the same on every machine, every state there, and all tables in step (decision 52). */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentvineSeeds } from '../../seeds/agentvine/index.ts'
import { identifier, raw, sql } from '../../src/model/sql.ts'
import { encodeRows } from '../../src/seeds/copy-text.ts'
import type { SeedPart } from '../../src/seeds/definition.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { agentvineFaults } from '../systems/support/agentvine-faults.ts'

/** What holds of seeded rows besides: nobody works by hand there. */
const ofSeeds: Readonly<Record<string, string>> = {
  'a completed task without a completed order': `
      SELECT id FROM agentvine.tasks AS t
      WHERE status = 'completed' AND NOT EXISTS (
        SELECT FROM agentvine.work_orders WHERE task_id = t.id AND status = 'completed')`,
  'an order whose retries and tries differ': `
      SELECT o.id
      FROM agentvine.work_orders AS o
      LEFT JOIN agentvine.worker_assignments AS a ON a.work_order_id = o.id
      GROUP BY o.id
      HAVING count(a.id) <> o.retry_count + CASE WHEN o.status IN ('pending', 'expired') THEN 0 ELSE 1 END
        OR o.retry_count > o.max_retries`,
  'a blocked task that waits for nothing, or one that waits and is not blocked': `
      SELECT id FROM agentvine.tasks AS t
      WHERE status NOT IN ('failed', 'cancelled')
        AND (status = 'blocked') <> EXISTS (
          SELECT FROM agentvine.task_dependencies AS d
          JOIN agentvine.tasks AS b ON b.id = d.depends_on_task_id
          WHERE d.task_id = t.id AND d.dependency_type = 'blocks'
            AND b.status <> 'completed' AND b.deleted_at IS NULL)`,
  'a reply outside of its conversation': `
      SELECT m.id FROM agentvine.chat_messages AS m
      JOIN agentvine.chat_messages AS p ON p.id = m.parent_message_id
      WHERE p.conversation_id <> m.conversation_id OR p.created_at > m.created_at`,
  // What triggers make of other rows while they are loaded is no change: seeds are the same whenever they are loaded.
  'a row that changed when it was loaded': `
      SELECT id FROM agentvine.users WHERE updated_at > now() - interval '1 minute'
      UNION ALL SELECT id FROM agentvine.workers WHERE updated_at > now() - interval '1 minute'
      UNION ALL SELECT id FROM agentvine.tasks WHERE updated_at > now() - interval '1 minute'
      UNION ALL SELECT id FROM agentvine.work_orders WHERE updated_at > now() - interval '1 minute'
      UNION ALL SELECT id FROM agentvine.context_documents WHERE updated_at > now() - interval '1 minute'`,
  'a worker or user that was seen after its last change': `
      SELECT id FROM agentvine.workers WHERE updated_at < greatest(last_heartbeat_at, draining_at, created_at)
      UNION ALL SELECT id FROM agentvine.users WHERE updated_at < last_login_at`,
  'a row of the default partition': 'SELECT execution_id FROM agentvine.execution_logs_default',
}

const UNTIL = Date.parse('2026-10-01T00:00:00Z') * 1000
const planOf = (size: number) =>
  agentvineSeeds.plan({ size, seed: 1, until: UNTIL, artifactRoot: 'file:///store/agentvine' })

function digest({ loads }: SeedPart): string {
  const hash = createHash('sha256')
  for (const { rows } of loads) for (const chunk of encodeRows(rows(), () => {})) hash.update(chunk)
  return hash.digest('hex')
}

describe('the generator', () => {
  it('makes the same rows on every machine: this digest changes only when it is changed on purpose', () => {
    const plan = planOf(60)
    const parts = Array.from({ length: plan.parts }, (_, index) => digest(plan.part(index)))
    expect(createHash('sha256').update(parts.join()).digest('hex')).toMatchInlineSnapshot(
      `"4d2f2a59f71edcc944f3502b3d67a1608845464dcff7409e7e9df9baa8e7208f"`,
    )
  })

  it('gives a part the same rows whatever was made before it, and every row an id of its own', () => {
    const [forwards, alone] = [planOf(2100), planOf(2100)]
    const inOrder = Array.from({ length: forwards.parts }, (_, index) => digest(forwards.part(index)))
    expect(digest(alone.part(2))).toBe(inOrder[2])
    const ids = new Map<string, Set<unknown>>()
    let rows = 0
    for (let index = 0; index < forwards.parts; index++) {
      for (const load of forwards.part(index).loads) {
        const seen = ids.get(load.table.table) ?? new Set()
        for (const [id] of load.rows()) {
          seen.add(id)
          rows++
        }
        ids.set(load.table.table, seen)
      }
    }
    expect([...ids.values()].reduce((sum, { size }) => sum + size, 0)).toBe(rows)
    for (const [table, expected] of agentvineSeeds.expectedRows(2100)) {
      const found = ids.get(table)?.size ?? 0
      if (expected > 500) expect(Math.abs(found / expected - 1), `${table}: ${found}`).toBeLessThan(0.1)
    }
  })
})

describe('seeded tables', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    const { exitCode, stderr } = await runCli(['seed', 'run', 'agentvine', '--url', database.url, '--quiet'])
    expect([exitCode, stderr]).toEqual([0, ''])
  })
  afterAll(() => database?.drop())

  it('have every state of every lifecycle', async () => {
    for (const { table, lifecycle } of agentvine.entities) {
      if (lifecycle === undefined) continue
      const rows = await database.db.rows<{ state: string }>(
        sql`SELECT DISTINCT ${identifier(lifecycle.field)} AS state FROM ${identifier('agentvine', table)} ORDER BY 1`,
      )
      expect(
        rows.map(({ state }) => state),
        table,
      ).toEqual(Object.keys(lifecycle.states).sort())
    }
  })

  it.each(Object.entries({ ...agentvineFaults, ...ofSeeds }))('have not %s', async (_, question) => {
    expect(await database.db.rows(raw(question))).toEqual([])
  })

  it('are emptied by seed clear, the worker at work too', async () => {
    const argv = ['seed', 'clear', 'agentvine', '--url', database.url, '--quiet', '--yes']
    const { exitCode, stderr } = await runCli(argv)
    expect(exitCode, stderr).toBe(0)
    for (const { table } of agentvine.entities) {
      expect(await database.db.rows(sql`SELECT FROM ${identifier('agentvine', table)} LIMIT 1`), table).toEqual([])
    }
  })
})
