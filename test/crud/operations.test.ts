/** Operations beyond transitions, from end to end: assign, copy, reorder, sweep, and names of two words. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { complete } from '../../src/cli/complete.ts'
import { sql } from '../../src/model/sql.ts'
import { type Fleet, newOrder, newWorker, statesOf, useFleet } from './operations-fixture.ts'
import { auditOf } from './write-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./operations-system.ts')).fleetRegistry())

let db: Fleet['db']
let run: Fleet['run']
useFleet((made) => {
  ;({ db, run } = made)
})

let name: string
let worker: string
let count = 0
beforeEach(async () => {
  name = `worker-${++count}`
  worker = await newWorker(db, name)
})

describe('assign', () => {
  it('stamps, counts and takes fields, of rows named by their handle', async () => {
    const done = await run(['worker', 'heartbeat', name, '--note', 'all well', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({ id: worker, note: 'all well', beats: 1 })
    expect(JSON.parse(done.stdout).last_heartbeat_at).toEqual(expect.any(String))
    await db.execute(sql`UPDATE fleet.workers SET status = 'offline' WHERE id = ${worker}::uuid`)
    const wrong = await run(['worker', 'heartbeat', name])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      5,
      `error: worker ${worker} gives no sign of life (status is offline)\n`,
    ])
    expect((await run(['worker', 'heartbeat', 'nobody'])).exitCode).toBe(4)
  })

  it('leaves one of a group chosen, with its effects', async () => {
    const plans = await db.rows<{ id: bigint }>(sql`
      INSERT INTO fleet.plans (owner, is_current) VALUES ('Ada', true), ('Ada', false), ('Bo', true) RETURNING id`)
    const [first = '', second = ''] = plans.map(({ id }) => String(id))
    const plan = await run(['plan', 'choose', second, '--step', 'review', '--dry-run'])
    expect(plan.stdout).toMatch(/1 {2}plan +gets is_current/)
    expect(plan.stdout).toMatch(/1 {2}stage +is created/)
    expect((await run(['plan', 'choose', second, '--step', 'review'])).exitCode).toBe(0)
    expect(await db.rows(sql`SELECT owner, is_current, uses FROM fleet.plans ORDER BY id`)).toEqual([
      { owner: 'Ada', is_current: false, uses: 0 },
      { owner: 'Ada', is_current: true, uses: 1 },
      { owner: 'Bo', is_current: true, uses: 0 },
    ])
    expect(await auditOf(db, first)).toMatchObject([{ action: 'choose', after: { is_current: false } }])
    const stages = sql`SELECT name, touched_at IS NOT NULL AS touched FROM fleet.stages WHERE plan_id = ${second}::bigint`
    expect(await db.rows(stages)).toEqual([{ name: 'review', touched: false }])
    // A value that no effect is meant for has none.
    expect((await run(['plan', 'choose', first, '--step', 'other'])).exitCode).toBe(0)
    expect((await run(['plan', 'choose', second, '--step', 'first'])).exitCode).toBe(0)
    expect(await db.rows(stages)).toEqual([{ name: 'first', touched: true }])
    expect((await run(['plan', 'choose', second])).stderr).toContain('is in use already (is_current is true)')
  })

  it('refuses to choose two of one group', async () => {
    const plans = await db.rows<{ id: bigint }>(sql`
      INSERT INTO fleet.plans (owner) VALUES ('Cy'), ('Cy') RETURNING id`)
    const wrong = await run(['plan', 'choose', ...plans.map(({ id }) => String(id))])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      5,
      expect.stringContaining('Only one plan with the same owner can be chosen by choose; several are named'),
    ])
  })

  it('meets conditions with several legal values, in a group of operations', async () => {
    const { order } = await newOrder(db, 'Build')
    const help = await run(['order', 'priority', '--help'])
    expect(help.stdout).toMatch(/raise .*Put first/)
    expect(help.stdout).toMatch(/lower .*Put last/)
    expect((await run(['order', '--help'])).stdout).toMatch(/priority .*The priority of an order: raise, lower/)
    const done = await run(['order', 'priority', 'raise', order, '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({ priority: 'critical' })
    const again = await run(['order', 'priority', 'raise', order])
    expect(again.stderr).toBe(`error: order ${order} cannot be raised (priority is critical)\n`)
    expect((await run(['order', 'priority', 'rise', order])).stderr).toContain('Did you mean')
    expect((await complete(['fleet', 'order', 'priority', ''])).map(({ word }) => word)).toEqual(['raise', 'lower'])
    expect((await auditOf(db, order)).at(-1)).toMatchObject({
      action: 'priority raise',
      command: 'fleet order priority raise',
    })
  })
})

describe('copy', () => {
  it('makes a further try, linked and counted, without results', async () => {
    const { order } = await newOrder(db, 'Build')
    await run(['order', 'claim', order, '--worker-id', name])
    const { id } = await db.one<{ id: string }>(sql`
      UPDATE fleet.executions SET output = 'partial' WHERE order_id = ${order}::bigint RETURNING id`)
    const wrong = await run(['execution', 'retry', id])
    expect([wrong.exitCode, wrong.stderr]).toEqual([5, `error: execution ${id} has not failed (status is running)\n`])
    await run(['order', 'fail', order, '--error', 'x'])
    const done = await run(['execution', 'retry', id, '--json'])
    expect([done.exitCode, JSON.parse(done.stdout)]).toMatchObject([
      0,
      { parent_id: id, status: 'running', attempt: 2, seconds: 4, output: null, ended_at: null, worker_id: worker },
    ])
  })
})

describe('reorder', () => {
  async function series(names: readonly string[]): Promise<{ plan: string; ids: string[] }> {
    const { id } = await db.one<{ id: bigint }>(sql`INSERT INTO fleet.plans (owner) VALUES ('Ada') RETURNING id`)
    const rows = await db.rows<{ id: number }>(sql`
      INSERT INTO fleet.stages (plan_id, place, name)
      SELECT ${id}, place, name FROM unnest(${names}::text[]) WITH ORDINALITY AS given (name, place)
      RETURNING id`)
    return { plan: String(id), ids: rows.map((row) => String(row.id)) }
  }
  const orderOf = async (plan: string) => {
    const rows = await db.rows<{ name: string; place: number }>(
      sql`SELECT name, place FROM fleet.stages WHERE plan_id = ${plan}::bigint ORDER BY place`,
    )
    return rows.map((row) => `${row.place}${row.name}`).join(' ')
  }

  it('puts rows where they are told, the others keeping their order', async () => {
    const { plan, ids } = await series(['a', 'b', 'c', 'd', 'e'])
    const [a = '', b = '', , , e = ''] = ids
    const shown = await run(['stage', 'reorder', e, b, '--dry-run'])
    expect(shown.stdout.replace(/ +$/gm, '').replace(/\d+ {2}(?=[a-e])/g, '')).toMatchInlineSnapshot(`
      "BEFORE  AFTER  ID  NAME
           5      1   e
           2      2   b
           1      3   a
           3      4   c
           4      5   d
      "
    `)
    expect(await orderOf(plan)).toBe('1a 2b 3c 4d 5e')
    await run(['stage', 'reorder', e, b])
    expect(await orderOf(plan)).toBe('1e 2b 3a 4c 5d')
    await run(['stage', 'reorder', a, '--to', '5'])
    expect(await orderOf(plan)).toBe('1e 2b 3c 4d 5a')
    expect(await auditOf(db, a)).toMatchObject([
      { action: 'reorder', before: { place: 1 }, after: { place: 3 } },
      { action: 'reorder', before: { place: 3 }, after: { place: 5 } },
    ])
    const same = await run(['stage', 'reorder', e])
    expect([same.exitCode, same.stderr]).toEqual([0, 'They are in this order already; nothing changed.\n'])
  })

  it('refuses places that there are not, and rows of several series', async () => {
    const [one, two] = [await series(['a', 'b']), await series(['c'])]
    const [a = '', b = ''] = one.ids
    const far = await run(['stage', 'reorder', a, b, '--to', '2'])
    expect([far.exitCode, far.stderr]).toEqual([
      2,
      expect.stringContaining('--to 2 is no place for 2 stages: the series allows 1 to 1'),
    ])
    const several = await run(['stage', 'reorder', a, ...two.ids])
    expect([several.exitCode, several.stderr]).toEqual([
      5,
      expect.stringContaining('The stages belong to 2 series of place: plan_id is'),
    ])
    expect((await run(['stage', 'reorder', a, '999999'])).exitCode).toBe(4)
  })

  it('goes well together with itself and with rows that are added', async () => {
    const { plan, ids } = await series(['a', 'b', 'c', 'd'])
    const outcomes = await Promise.all([
      ...ids.map((id) => run(['stage', 'reorder', id])),
      ...['e', 'f'].map((letter) => run(['stage', 'create', '--plan-id', plan, '--name', letter])),
    ])
    expect(outcomes.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(
      outcomes.map(({ stderr }) => [0, stderr.includes('already') ? stderr : '']),
    )
    expect((await orderOf(plan)).replaceAll(/[a-f]/g, '')).toBe('1 2 3 4 5 6')
  })
})

describe('sweep', () => {
  it('shows what is stale and what goes with it, and takes just that', async () => {
    await db.execute(sql`UPDATE fleet.workers SET last_heartbeat_at = now()`)
    await db.execute(sql`
      UPDATE fleet.workers SET last_heartbeat_at = now() - interval '2 minutes' WHERE id = ${worker}::uuid`)
    const { order } = await newOrder(db, 'Build')
    await run(['order', 'claim', order, '--worker-id', name])
    const plan = await run(['worker', 'reap', '--dry-run', '--json'])
    expect(JSON.parse(plan.stdout)).toMatchObject({
      counts: { found: 1 },
      rows: [{ id: worker }],
      consequences: [
        { entity: 'assignment', rows: 1, change: 'becomes timeout (timeout)' },
        { entity: 'order', rows: 1, change: 'becomes pending (return)' },
        { entity: 'execution', rows: 1, change: 'becomes timeout (timeout)' },
        { entity: 'task', rows: 1, change: 'becomes queued (requeue)' },
      ],
    })
    expect((await run(['worker', 'reap'])).exitCode).toBe(2)
    expect((await run(['worker', 'reap', '--older-than', '5m', '--yes'])).stderr).toContain(
      'There are no stale workers',
    )
    const done = await run(['worker', 'reap', '--yes', '--json'])
    expect([done.exitCode, JSON.parse(done.stdout)]).toMatchObject([0, { counts: { planned: 1, moved: 1 } }])
    expect(await statesOf(db, order)).toMatchObject({ order: 'pending', retries: 1, task: 'queued' })
    const again = await run(['worker', 'reap', '--yes'])
    expect([again.exitCode, again.stderr]).toEqual([0, 'There are no stale workers; nothing to do.\n'])
  })

  it('counts those that never gave a sign, up to a limit', async () => {
    await db.execute(sql`UPDATE fleet.workers SET last_heartbeat_at = now(), status = 'idle'`)
    for (const part of ['a', 'b', 'c']) await newWorker(db, `${name}-${part}`)
    const done = await run(['worker', 'reap', '--limit', '2', '--batch-size', '1', '--yes', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({ counts: { planned: 2, moved: 2, left: 0 } })
  })
})

describe('creation', () => {
  it('goes by the name that the entity gives it', async () => {
    const { task } = await newOrder(db, 'Build')
    const done = await run(['order', 'enqueue', '--task-id', task, '--queue', 'fast', '--json'])
    expect([done.exitCode, JSON.parse(done.stdout)]).toMatchObject([0, { queue: 'fast', status: 'pending' }])
    expect((await run(['order', 'create', '--task-id', task, '--queue', 'fast'])).exitCode).toBe(0)
    expect((await run(['order', '--help'])).stdout).toMatch(/enqueue.*Enqueue an order/)
  })
})
