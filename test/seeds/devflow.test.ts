/** DevFlow's seed data: states that agree with their times, projections that the triggers would not change, a trail. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devflowSeeds } from '../../seeds/devflow/index.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { encodeRows } from '../../src/seeds/copy-text.ts'
import type { SeedPlan, SeedRow } from '../../src/seeds/definition.ts'
import { devflow } from '../../src/systems/devflow/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { seed, UNTIL } from './support.ts'

const parameters = { size: 4500, seed: 1, until: Date.parse(UNTIL) * 1000, artifactRoot: 'file:///store/devflow' }

type Cells = Readonly<Record<string, SeedRow[number]>>

/** Rows of every table as objects, in the order in which they are loaded. */
function rowsOf(plan: SeedPlan): Map<string, Cells[]> {
  const rows = new Map<string, Cells[]>()
  for (let index = 0; index < plan.parts; index++) {
    for (const load of plan.part(index).loads) {
      const named = [...load.rows()].map(
        (row): Cells => Object.fromEntries(load.table.columns.map((key, place) => [key, row[place] ?? null])),
      )
      rows.set(load.table.table, [...(rows.get(load.table.table) ?? []), ...named])
    }
  }
  return rows
}

function digest(part: ReturnType<SeedPlan['part']>): string {
  const hash = createHash('sha256')
  for (const { rows } of part.loads) for (const chunk of encodeRows(rows(), () => {})) hash.update(chunk)
  return hash.digest('hex')
}

describe('the generator', () => {
  const rows = rowsOf(devflowSeeds.plan(parameters))
  const of = (name: string): Cells[] => rows.get(name) ?? []

  it('gives the same on every machine: this digest changes only when the generator is changed on purpose', () => {
    const plan = devflowSeeds.plan({ ...parameters, size: 60 })
    const parts = Array.from({ length: plan.parts }, (_, index) => digest(plan.part(index)))
    expect(createHash('sha256').update(parts.join()).digest('hex')).toMatchInlineSnapshot(
      `"5d7c3531af2448a8ffde5fe2e8df52e0731dd6430d61b2761de05d4898509c34"`,
    )
  })

  it('gives a part the same rows whatever was made before it', () => {
    const [forwards, backwards] = [devflowSeeds.plan(parameters), devflowSeeds.plan(parameters)]
    const indexes = Array.from({ length: forwards.parts }, (_, index) => index)
    const inOrder = indexes.map((index) => digest(forwards.part(index)))
    const reversed = indexes.toReversed().map((index) => digest(backwards.part(index)))
    expect(reversed.reverse()).toEqual(inOrder)
  })

  it('has unique keys, and about as many rows as the list of scales says', () => {
    for (const [name, expected] of devflowSeeds.expectedRows(parameters.size)) {
      const keys = of(name).map(({ id }) => id)
      expect(new Set(keys).size, name).toBe(keys.length)
      expect(Math.abs(keys.length / expected - 1), `${name}: ${keys.length} of ${expected}`).toBeLessThan(0.1)
    }
  })

  it('has every time before the end of the simulated time, and in its order', () => {
    const order = ['created_at', 'assigned_at', 'started_at', 'completed_at', 'merged_at', 'closed_at']
    for (const [name, list] of rows) {
      for (const row of list) {
        const times = Object.entries(row).filter(([key]) => key.endsWith('_at') && key !== 'last_health_check')
        for (const [key, time] of times) {
          if (time !== null && String(time) >= UNTIL.replace('T', ' ')) expect.fail(`${name}.${key} is ${time}`)
        }
        if (name === 'validations') continue
        const stamped = order.flatMap((key) => (row[key] == null ? [] : [String(row[key])]))
        if (stamped.some((time, place) => time < (stamped[place - 1] ?? ''))) expect.fail(`${name} ${row.id}`)
      }
    }
  })

  it('lets a task begin only when what it waits for is completed, and has none wait in a circle', () => {
    const tasks = new Map(of('tasks').map((task) => [task.id, task]))
    const waits = of('dependencies').filter(({ dependency_type }) => /blocks|requires/.test(String(dependency_type)))
    expect(waits.length).toBeGreaterThan(200)
    for (const { dependent_task_id, dependency_task_id } of waits) {
      const [dependent, dependency] = [tasks.get(dependent_task_id), tasks.get(dependency_task_id)]
      expect(dependent?.project_id).toBe(dependency?.project_id)
      expect(String(dependency?.created_at) <= String(dependent?.created_at)).toBe(true)
      if (dependent?.status !== 'pending') expect(dependency?.status).toBe('completed')
    }
    const held = waits.filter(({ is_satisfied }) => !is_satisfied)
    expect(held.length).toBeGreaterThan(10)
  })

  it('has the mix of a real platform', () => {
    const share = (status: string) => of('tasks').filter((task) => task.status === status).length / parameters.size
    expect(share('completed')).toBeGreaterThan(0.55)
    expect(share('completed')).toBeLessThan(0.8)
    expect(share('failed')).toBeGreaterThan(0.05)
    const owners = new Map<unknown, number>()
    for (const { project_id } of of('tasks')) owners.set(project_id, (owners.get(project_id) ?? 0) + 1)
    expect(Math.max(...owners.values()) / parameters.size).toBeGreaterThan(0.15)
    const reasons = of('task_executions').flatMap(({ error_details }) => JSON.parse(String(error_details)).code ?? [])
    expect(new Set(reasons).size).toBeGreaterThan(5)
  })
})

describe('the demo', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await seed(database.db, { schema: 'devflow' }, devflowSeeds)
  })
  afterAll(() => database?.drop())

  it('is loaded past every constraint, with every state of every lifecycle', async () => {
    for (const { name, table, lifecycle } of devflow.entities) {
      if (!lifecycle) continue
      const found = await database.db.rows<{ state: string }>(
        sql`SELECT DISTINCT ${identifier(lifecycle.field)}::text AS state FROM ${identifier('devflow', table)}`,
      )
      expect(found.map(({ state }) => state).sort(), name).toEqual(Object.keys(lifecycle.states).sort())
    }
    const health = await database.db.rows(sql`SELECT DISTINCT health_status FROM devflow.agent_configurations`)
    expect(health).toHaveLength(4)
  })

  it('has projections that are what the triggers make, so that loading changed no row a second time', async () => {
    const changed = await database.db.rows(sql`
      SELECT id FROM devflow.tasks WHERE updated_at >= ${UNTIL}::timestamptz
      UNION ALL
      SELECT id FROM devflow.pull_requests WHERE updated_at >= ${UNTIL}::timestamptz`)
    expect(changed).toEqual([])
    const { dependencies, results } = await database.db.one(sql`
      SELECT
        (SELECT count(*) FROM devflow.tasks WHERE dependencies <> '[]') AS dependencies,
        (SELECT count(*) FROM devflow.pull_requests WHERE validation_results <> '{}') AS results`)
    expect(Number(dependencies)).toBeGreaterThan(20)
    expect(Number(results)).toBeGreaterThan(50)
  })

  it('brings its own trail: the last change of a task that ended is its end', async () => {
    const { seeded, wrong } = await database.db.one<{ seeded: bigint; wrong: bigint }>(sql`
      SELECT count(*) AS seeded,
             count(*) FILTER (WHERE e.event_data #>> '{changed,status,to}' IS DISTINCT FROM t.status::text) AS wrong
      FROM devflow.tasks t
      CROSS JOIN LATERAL (
        SELECT event_data
        FROM devflow.workflow_events
        WHERE task_id = t.id AND event_category = 'task' AND event_data #> '{changed,status}' IS NOT NULL
        ORDER BY occurred_at DESC, id DESC
        LIMIT 1
      ) e
      WHERE t.completed_at IS NOT NULL`)
    expect(seeded).toBeGreaterThan(200n)
    expect(wrong).toBe(0n)
  })
})

it('is cleared with what the audit trigger wrote of it since, so that it can be loaded again', async () => {
  const database = await createTestDatabase()
  const steward = (...argv: string[]) => runCli(['--url', database.url, '--yes', '--quiet', ...argv])
  const events = () => database.db.one(sql`SELECT count(*) AS events FROM devflow.workflow_events`)
  try {
    expect(await steward('seed', 'run', 'devflow', '--rows', '60')).toMatchObject({ exitCode: 0 })
    await database.db.execute(sql`UPDATE devflow.tasks SET priority = 9 - priority WHERE priority < 9`)
    await database.db.execute(sql`DELETE FROM devflow.tasks WHERE status = 'cancelled'`)
    await database.db.execute(sql`INSERT INTO devflow.projects (name) VALUES ('by hand')`)
    expect(await steward('seed', 'clear', 'devflow')).toMatchObject({ exitCode: 0 })
    // Of the project that nobody seeded; the clearing itself left no trail.
    expect(await events()).toEqual({ events: 1n })
    expect(await database.db.rows(sql`SELECT FROM devflow.tasks`)).toEqual([])
    await database.db.execute(sql`TRUNCATE devflow.projects, devflow.workflow_events CASCADE`)
    expect(await steward('seed', 'run', 'devflow', '--rows', '60')).toMatchObject({ exitCode: 0 })
  } finally {
    await database.drop()
  }
})
