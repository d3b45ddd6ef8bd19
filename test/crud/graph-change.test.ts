import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addEdge } from '../../src/crud/graph-add.ts'
import { settleDependents, whyWaiting } from '../../src/crud/graph-guard.ts'
import { removeEdges } from '../../src/crud/graph-remove.ts'
import { selectRow } from '../../src/crud/select.ts'
import { transitionRows } from '../../src/crud/transition.ts'
import type { Cells } from '../../src/model/column.ts'
import { raw } from '../../src/model/sql.ts'
import { actor, scopeFor } from './garden.ts'
import { createGarden, type Garden, joinJobs, plant, statesOf } from './garden-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())

const jobs = (...titles: string[]) =>
  plant(
    garden,
    titles.map((title) => ({ title })),
  )
const links = () =>
  garden.db.rows(raw('SELECT job_id, needs_id, link_type, is_met FROM garden.links ORDER BY link_id'))
const add = (from: number, to: number, given: Record<string, string> = {}) =>
  addEdge(garden.db, scopeFor('link'), { from: String(from), to: String(to), given }, { actor })

async function take(verb: string, ...ids: number[]) {
  const scope = scopeFor('job')
  const declared = scope.entity.lifecycle?.transitions.find((transition) => transition.verb === verb)
  if (!declared) throw new Error(`no transition ${verb}`)
  return transitionRows(garden.db, scope, declared, ids.map(String), {}, { actor })
}

describe('add', () => {
  test('blocks the waiting one, and says so', async () => {
    await jobs('Dig', 'Plan')
    const { exitCode, stdout } = await garden.run([
      'link',
      'add',
      'job-1',
      '2',
      '--why',
      'first things first',
      '--json',
    ])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      job_id: 1,
      needs_id: 2,
      link_type: 'blocks',
      why: 'first things first',
      is_met: false,
      blocked: [{ job_id: 1, title: 'Dig', before: 'waiting', after: 'blocked' }],
    })
    expect(await statesOf(garden)).toEqual({ 1: 'blocked', 2: 'waiting' })
    const audit = await garden.db.rows(
      raw("SELECT entity, action, row_id FROM steward.audit_log WHERE system = 'garden' ORDER BY audit_id"),
    )
    expect(audit).toEqual([
      { entity: 'link', action: 'create', row_id: '1' },
      { entity: 'job', action: 'block', row_id: '1' },
    ])
  })

  test('changes nothing with --dry-run', async () => {
    await jobs('Dig', 'Plan')
    const { exitCode, stdout } = await garden.run(['link', 'add', '1', '2', '--dry-run'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('blocked')
    expect(await links()).toEqual([])
    expect(await statesOf(garden)).toEqual({ 1: 'waiting', 2: 'waiting' })
  })

  test('lets nobody wait for what is finished, nor for a kind that does not block', async () => {
    await plant(garden, [{ title: 'Dig' }, { title: 'Plan', status: 'done' }, { title: 'Rest' }])
    await add(1, 2)
    await add(1, 3, { link_type: 'suggests' })
    expect(await links()).toEqual([
      { job_id: 1, needs_id: 2, link_type: 'blocks', is_met: true },
      { job_id: 1, needs_id: 3, link_type: 'suggests', is_met: false },
    ])
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
  })

  test('leaves a node as it is in a state that block does not lead out of', async () => {
    await plant(garden, [{ title: 'Dig', status: 'running' }, { title: 'Plan' }])
    expect((await add(1, 2)).moved).toEqual([])
    expect(await statesOf(garden)).toMatchObject({ 1: 'running' })
  })

  test('refuses itself, a duplicate, unknown and deleted nodes, and a kind that is none', async () => {
    await jobs('Dig', 'Plan', 'Gone')
    await garden.db.execute(raw('UPDATE garden.jobs SET deleted_at = now() WHERE job_id = 3'))
    await expect(add(1, 1)).rejects.toMatchObject({
      exitCode: 5,
      code: 'waits-for-itself',
      message: 'job Dig (1) cannot wait for itself',
    })
    await add(1, 2)
    await expect(add(1, 2)).rejects.toMatchObject({
      exitCode: 5,
      code: 'duplicate-dependency',
      message: expect.stringMatching(/^job Dig \(1\) has a link on Plan \(2\) already: \d+, of the kind blocks$/),
    })
    await expect(add(1, 9)).rejects.toMatchObject({ exitCode: 4, message: 'There is no job 9' })
    await expect(add(1, 3)).rejects.toMatchObject({ exitCode: 5, message: expect.stringContaining('needs_id') })
    await expect(add(2, 3, { link_type: 'hates' })).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining('link_type must be one of blocks, needs, suggests'),
    })
    expect(await links()).toHaveLength(1)
    // Another kind between the same two is another edge here.
    await add(1, 2, { link_type: 'suggests' })
    expect(await links()).toHaveLength(2)
    const unknown = await garden.run(['link', 'add', 'job-1', 'job-77'])
    expect(unknown).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('There is no job job-77') })
  })

  test('refuses a cycle and shows the shortest one by labels and ids; other kinds may go round', async () => {
    await jobs('A', 'B', 'C', 'D')
    await add(1, 2)
    await add(2, 3, { link_type: 'needs' })
    await add(2, 4)
    await add(4, 3)
    await expect(add(3, 1)).rejects.toMatchObject({
      exitCode: 5,
      code: 'dependency-cycle',
      message: 'job C (3) → A (1) → B (2) → C (3) would wait for itself',
      details: { cycle: ['3', '1', '2', '3'] },
    })
    await add(3, 1, { link_type: 'suggests' })
    const { exitCode, stderr } = await garden.run(['link', 'add', '3', '1'])
    expect(exitCode).toBe(5)
    expect(stderr).toContain('C (3) → A (1) → B (2) → C (3)')
  })

  test('accepts 1→3 after 1→2→3 and refuses 3→1 (decision 58)', async () => {
    await jobs('One', 'Two', 'Three')
    await add(1, 2)
    await add(2, 3)
    await add(1, 3)
    await expect(add(3, 1)).rejects.toMatchObject({ code: 'dependency-cycle' })
  })

  test('escapes a hostile label in the refusal', async () => {
    await jobs('\x1b[31mred\u202e', 'B')
    await add(1, 2)
    const { stderr } = await garden.run(['link', 'add', '2', '1'])
    expect(stderr).toContain('\\e[31mred\\u202e (1)')
    expect(stderr).not.toContain('\x1b')
  })

  test('lets one of two writers through who each add one half of a cycle', async () => {
    for (let round = 0; round < 5; round++) {
      await jobs('A', 'B')
      const outcomes = await Promise.allSettled([add(1, 2), add(2, 1)])
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      const refused = outcomes.find((outcome) => outcome.status === 'rejected')
      expect(refused?.reason).toMatchObject({ code: 'dependency-cycle' })
      expect(await links()).toHaveLength(1)
    }
  })

  test('waits for a writer that takes the lock as a trigger does, and sees what it added', async () => {
    await jobs('A', 'B')
    let pending: Promise<unknown> | undefined
    await garden.db.transaction(async (transaction) => {
      await transaction.rows(raw(`SELECT pg_advisory_xact_lock(hashtext('garden' || '.' || 'links'))`))
      pending = add(2, 1).catch((error: unknown) => error)
      await vi.waitFor(async () => {
        const waiting = await garden.db.rows(raw(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`))
        expect(waiting).toHaveLength(1)
      })
      await transaction.execute(raw(`INSERT INTO garden.links (job_id, needs_id) VALUES (1, 2)`))
    })
    expect(await pending).toMatchObject({ code: 'dependency-cycle' })
  })

  test('finds its way through a graph that has a cycle already', async () => {
    await jobs('A', 'B', 'C')
    await joinJobs(garden, [
      [2, 3],
      [3, 2],
    ])
    await add(1, 2)
    await expect(add(3, 1)).rejects.toMatchObject({ code: 'dependency-cycle' })
  })
})

describe('who waits', () => {
  test('is refused with the reason; a few blockers are named and the others counted', async () => {
    await jobs('Dig', 'Plan', 'Buy', 'Ask', 'Wait', 'Rest')
    await joinJobs(garden, [
      [1, 2],
      [1, 3],
      [1, 4],
      [1, 5],
      [6, 2],
      [3, 2, 'suggests'],
    ])
    const nodes = scopeFor('job')
    const rows = (await Promise.all(['1', '3', '6'].map((id) => selectRow(garden.db, nodes, id)))).filter(
      (row) => row !== undefined,
    )
    expect([...(await whyWaiting(garden.db, nodes, rows))]).toEqual([
      [
        '1',
        'waits for jobs Plan (2), which is waiting; Buy (3), which is waiting; Ask (4), which is waiting; 1 more',
      ],
      ['6', 'waits for job Plan (2), which is waiting'],
    ])
    await expect(take('queue', 6)).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining('waits for job Plan (2), which is waiting'),
    })
    await take('queue', 3)
    await garden.db.execute(raw('UPDATE garden.jobs SET deleted_at = now() WHERE job_id = 2'))
    expect(await whyWaiting(garden.db, nodes, rows.slice(2))).toEqual(new Map())
  })

  test('goes on when the last of what it waits for is finished, and is held again when that is reopened', async () => {
    await jobs('Dig', 'Plan', 'Buy')
    await add(1, 2)
    await add(1, 3)
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    await take('finish', 2)
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    await take('finish', 3)
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    expect((await links()).map(({ is_met }) => is_met)).toEqual([true, true])
    await take('reopen', 3)
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    expect((await links()).map(({ is_met }) => is_met)).toEqual([true, false])
    const met = await garden.db.rows(raw('SELECT met_at IS NULL AS never FROM garden.links ORDER BY link_id'))
    expect(met).toEqual([{ never: false }, { never: true }])
  })

  test('goes on exactly once when the last two are finished at once', async () => {
    for (let round = 0; round < 5; round++) {
      await jobs('Dig', 'Plan', 'Buy')
      await add(1, 2)
      await add(1, 3)
      await Promise.all([take('finish', 2), take('finish', 3)])
      expect(await statesOf(garden)).toEqual({ 1: 'waiting', 2: 'done', 3: 'done' })
    }
  })

  test('never stays blocked behind a node that finishes while the edge is added', async () => {
    for (let round = 0; round < 5; round++) {
      await jobs('Dig', 'Plan')
      await Promise.all([add(1, 2), take('finish', 2)])
      expect(await statesOf(garden)).toEqual({ 1: 'waiting', 2: 'done' })
      expect(await links()).toMatchObject([{ is_met: true }])
    }
  })

  test('goes on when what it waits for is deleted', async () => {
    await jobs('Dig', 'Plan')
    await add(1, 2)
    const nodes = scopeFor('job')
    await garden.db.transaction(async (transaction) => {
      const before = (await selectRow(transaction, nodes, '2', 'update')) as Cells
      await transaction.execute(raw('UPDATE garden.jobs SET deleted_at = now() WHERE job_id = 2'))
      const after = (await selectRow(transaction, nodes, '2')) as Cells
      await settleDependents(transaction, nodes, [{ before, after }], actor)
    })
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    expect(await links()).toMatchObject([{ is_met: false }])
  })
})

describe('who waits for a deleted node', () => {
  const deleted = (...more: string[]) => garden.run(['job', 'delete', '2', ...more])

  test('is in the plan, goes on, and is held again when the node is restored', async () => {
    await jobs('Dig', 'Plan')
    await add(1, 2)
    const plan = await deleted('--dry-run', '--json')
    expect(JSON.parse(plan.stdout)).toMatchObject({
      rows: [{ job_id: 2 }],
      consequences: [{ rows: 1, change: 'becomes waiting (release)' }],
    })
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    expect((await deleted('--yes')).stderr).toContain('With it: 1 job becomes waiting (release).')
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    const restored = await garden.run(['job', 'restore', '2'])
    expect(restored.stderr).toContain('With it: 1 job becomes blocked (block).')
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
  })

  test('goes on when it is removed for good, unless something else holds it up', async () => {
    await jobs('Dig', 'Plan', 'Buy', 'Ask')
    await joinJobs(garden, [
      [1, 2],
      [3, 2],
      [3, 4],
    ])
    await garden.db.execute(raw("UPDATE garden.jobs SET status = 'blocked' WHERE job_id IN (1, 3)"))
    const { consequences } = JSON.parse((await deleted('--purge', '--dry-run', '--json')).stdout)
    expect(consequences).toEqual([{ rows: 1, entity: 'job', change: 'becomes waiting (release)' }])
    expect((await deleted('--purge', '--yes')).stderr).toContain('With it: 1 job becomes waiting (release).')
    expect(await statesOf(garden)).toEqual({ 1: 'waiting', 3: 'blocked', 4: 'waiting' })
  })

  test('is counted in the plan of a transition', async () => {
    await jobs('Dig', 'Plan')
    await add(1, 2)
    const plan = await garden.run(['job', 'finish', '2', '--dry-run', '--json'])
    expect(JSON.parse(plan.stdout).consequences).toMatchObject([{ rows: 1, change: 'becomes waiting (release)' }])
    const done = await garden.run(['job', 'finish', '2'])
    expect(done.stderr).toContain('With it: 1 job becomes waiting (release).')
  })

  test('goes on when the edge is called satisfied, and waits again when it is not', async () => {
    await jobs('Dig', 'Plan', 'Buy')
    await add(1, 2)
    await add(1, 3)
    await garden.run(['link', 'satisfy', '1'])
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    const last = await garden.run(['link', 'satisfy', '2'])
    expect(last).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('1 job becomes waiting (release)') })
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    await garden.run(['link', 'insist', '2'])
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
  })

  test('stays as it is when an edge is called satisfied that held up nothing', async () => {
    await jobs('Dig', 'Plan', 'Buy')
    await joinJobs(garden, [
      [1, 2, 'suggests'],
      [1, 3],
    ])
    await garden.db.execute(raw(`UPDATE garden.jobs SET status = 'blocked' WHERE job_id = 1`))
    await garden.db.execute(raw(`UPDATE garden.jobs SET deleted_at = now() WHERE job_id = 3`))
    for (const edge of ['1', '2']) expect(await garden.run(['link', 'satisfy', edge])).toMatchObject({ exitCode: 0 })
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
  })

  test('is settled itself when it is restored: what it waits for may have gone on meanwhile', async () => {
    await jobs('Dig', 'Plan')
    await add(1, 2)
    await garden.run(['job', 'delete', '1', '--yes'])
    await take('finish', 2)
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    await garden.run(['job', 'restore', '1'])
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    await garden.run(['job', 'delete', '1', '--yes'])
    await take('reopen', 2)
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    await garden.run(['job', 'restore', '1'])
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
  })
})

test('a queue offers nothing that waits, however much of it there is', async () => {
  await jobs('Plan')
  await garden.db.execute(raw("UPDATE garden.jobs SET status = 'running' WHERE job_id = 1"))
  await garden.db.execute(
    raw(`
    INSERT INTO garden.jobs (code, title, status)
    SELECT 'many-' || n, 'Wait', 'waiting' FROM generate_series(1, 3000) AS n`),
  )
  await garden.db.execute(
    raw('INSERT INTO garden.links (job_id, needs_id) SELECT n, 1 FROM generate_series(2, 3000) n'),
  )
  const { exitCode, stdout } = await garden.run(['job', 'pick', '--limit', '2', '--json'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout).map(({ job_id }: { job_id: number }) => job_id)).toEqual([3001])
})

describe('remove', () => {
  test('shows the plan, removes by the two nodes, releases who waits for nothing more', async () => {
    await jobs('Dig', 'Plan', 'Buy')
    await add(1, 2)
    await add(1, 3)
    const plan = await garden.run(['link', 'remove', '1', '2', '--dry-run'])
    expect(plan.exitCode).toBe(0)
    expect(plan.stdout).toMatch(/1\s+Dig \(1\)\s+Plan \(2\)\s+blocks/)
    const unconfirmed = await garden.run(['link', 'remove', '1', '2'])
    expect(unconfirmed.exitCode).toBe(2)
    expect(await links()).toHaveLength(2)
    const first = await garden.run(['link', 'remove', '1', '2', '--yes', '--json'])
    expect(JSON.parse(first.stdout)).toMatchObject({ removed: [{ link_id: 1 }], released: [] })
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
    const second = await garden.run(['link', 'remove', '2', '--yes', '--json'])
    expect(JSON.parse(second.stdout)).toMatchObject({
      removed: [{ link_id: 2, needs_id: 3 }],
      released: [{ job_id: 1, before: 'blocked', after: 'waiting' }],
    })
    expect(await statesOf(garden)).toMatchObject({ 1: 'waiting' })
    const audit = await garden.db.rows(
      raw(`SELECT FROM steward.audit_log WHERE entity = 'link' AND action = 'delete'`),
    )
    expect(audit.length).toBeGreaterThan(1)
  })

  test('leaves a node blocked that waits for another reason than the edge', async () => {
    await plant(garden, [
      { title: 'Dig', status: 'blocked' },
      { title: 'Plan', status: 'done' },
    ])
    await joinJobs(garden, [[1, 2]])
    await removeEdges(garden.db, scopeFor('link'), ['1'], actor)
    expect(await statesOf(garden)).toMatchObject({ 1: 'blocked' })
  })

  test('takes one kind of several, and says what is not there', async () => {
    await jobs('Dig', 'Plan')
    await joinJobs(garden, [
      [1, 2, 'suggests'],
      [1, 2, 'needs'],
    ])
    await garden.run(['link', 'remove', 'job-1', 'job-2', '--type', 'suggests', '--yes'])
    expect(await links()).toMatchObject([{ link_type: 'needs' }])
    const none = await garden.run(['link', 'remove', '2', '1', '--yes'])
    expect(none).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('job 2 has no link on 1') })
    expect(await garden.run(['link', 'remove', '99', '--yes'])).toMatchObject({ exitCode: 4 })
    expect(await garden.run(['link', 'remove', '2', '--type', 'needs', '--yes'])).toMatchObject({ exitCode: 2 })
  })
})
