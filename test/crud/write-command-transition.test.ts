/** Transitions of a lifecycle from end to end. */

import { describe, expect, it } from 'vitest'
import { setEnvironment } from '../../src/db/environment.ts'
import { sql } from '../../src/model/sql.ts'
import { until } from '../support/until.ts'
import { type Commands, useCommands } from './write-commands.ts'
import { organization, task } from './write-support.ts'

let database: Commands['database']
let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ database, org, run } = made)
})

describe('transitions', () => {
  it('moves rows by id without a question', async () => {
    const id = await task(database.db, org)
    expect((await run(['task', 'queue', id])).exitCode).toBe(0)
    const wrong = await run(['task', 'queue', id])
    expect(wrong.exitCode).toBe(5)
    expect(wrong.stderr.replaceAll(id, 'tsk_1')).toBe(
      'error: task tsk_1 is queued, and queue needs created; from queued there are start (to running), ' +
        'cancel (to cancelled), terminate (to terminated)\n',
    )
    const other = await task(database.db, org)
    const kept = await run(['task', 'queue', id, other, 'tsk_404', '--keep-going', '--json'])
    expect(kept.exitCode).toBe(7)
    expect(JSON.parse(kept.stdout)).toMatchObject({
      changed: [{ task_id: other, status: 'queued' }],
      failures: [{ id }, { id: 'tsk_404', reason: 'does not exist' }],
    })
    expect(kept.stderr).toContain(`warning: ${id} is queued, and queue needs created; `)
    expect((await run(['task', 'fail', id])).stderr).toContain('failure_reason is required')
    expect((await run(['task', 'cancel', id, other])).exitCode).toBe(2)
    expect((await run(['task', 'cancel', id, other, '--yes'])).exitCode).toBe(0)
  })

  it('changes what can be changed with --keep-going, also where an id does not exist', async () => {
    const [one, two] = [await task(database.db, org), await task(database.db, org)]
    await run(['task', 'queue', one, two])
    const given = ['task', 'cancel', one, 'tsk_404', two, '--keep-going', '--json']
    const rehearsed = await run([...given, '--dry-run'])
    expect(JSON.parse(rehearsed.stdout)).toHaveLength(2)
    expect(rehearsed.stderr).toContain('warning: tsk_404 does not exist\n')
    const done = await run([...given, '--yes'])
    expect(done.exitCode).toBe(7)
    expect(JSON.parse(done.stdout)).toMatchObject({
      changed: [{ task_id: one, status: 'cancelled' }, { task_id: two }],
      failures: [{ id: 'tsk_404' }],
    })
  })

  it('moves many by filter after a plan, and needs a filter or ids', async () => {
    const own = await organization(database.db)
    for (let index = 0; index < 3; index++) await task(database.db, own)
    const filter = ['--organization-id', own, '--status', 'created']
    const plan = await run(['task', 'queue', ...filter, '--dry-run'])
    expect(plan.stdout).toMatchInlineSnapshot(`
      "Tasks that match
      STATE    ROWS  CHANGE
      created     3  becomes queued
      "
    `)
    expect((await run(['task', 'queue', ...filter])).exitCode).toBe(2)
    expect((await run(['task', 'queue', ...filter, '--max-rows', '2', '--yes'])).exitCode).toBe(5)
    const done = await run(['task', 'queue', ...filter, '--max-rows', '3', '--batch-size', '2', '--yes', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({
      counts: { planned: 3, moved: 3, skipped: 0, failed: 0, left: 0 },
    })
    const again = await run(['task', 'queue', ...filter, '--yes'])
    expect([again.exitCode, again.stderr]).toEqual([0, 'No tasks that match are created; nothing to do.\n'])
    expect((await run(['task', 'queue', '--yes'])).exitCode).toBe(2)
    expect((await run(['task', 'queue', 'tsk_1', '--status', 'created', '--yes'])).exitCode).toBe(2)
  })

  it('ends a bulk change between two batches on SIGINT, with its counts and exit 130', async () => {
    const { db } = database
    const own = await organization(db)
    await db.execute(sql`
      INSERT INTO skyvern.tasks (organization_id, url, navigation_goal, status)
      SELECT ${own}, 'https://x.org', 'x', 'queued' FROM generate_series(1, 400)`)
    let interrupt: (signal: 'SIGINT') => void = () => {}
    const argv = ['task', 'cancel', '--organization-id', own, '--batch-size', '1', '--yes', '--json']
    const running = run(argv, {
      signals: (send) => {
        interrupt = send
      },
    })
    const cancelled = () =>
      db.one<{ count: bigint }>(
        sql`SELECT count(*) AS count FROM skyvern.tasks WHERE organization_id = ${own} AND status = 'cancelled'`,
      )
    await until('one is cancelled', async () => (await cancelled()).count > 0n)
    interrupt('SIGINT')
    const { exitCode, stdout, stderr } = await running
    expect(exitCode).toBe(130)
    const { moved, left } = JSON.parse(stdout).counts
    expect(moved + left).toBe(400)
    expect(stderr).toContain(
      `warning: Interrupted by SIGINT: ${moved} rows were dealt with, ${left} are left as they were\n`,
    )
    expect((await cancelled()).count).toBe(BigInt(moved))
    expect(
      await db.one(sql`SELECT outcome FROM steward.journal WHERE command = 'skyvern task cancel'
                       ORDER BY run_id DESC LIMIT 1`),
    ).toEqual({ outcome: 'interrupted' })
  })

  it('asks for the name on production', async () => {
    await setEnvironment(database.db, 'production', 'tester')
    const filter = ['task', 'cancel', '--organization-id', org, '--status', 'queued']
    const id = await task(database.db, org)
    await run(['task', 'queue', id])
    const yes = await run([...filter, '--yes'])
    expect(yes.exitCode).toBe(2)
    expect((await run([...filter, '--confirm', database.endpoint.database])).exitCode).toBe(0)
    await setEnvironment(database.db, 'development', 'tester')
  })

  it('starts a workflow run from nothing, and copies a workflow', async () => {
    const made = await run([
      ...['workflow', 'create', '--organization-id', org, '--title', 'Invoices', '--workflow-definition', '{}'],
      ...['--parameter-schema', '{"type":"object","required":["month"]}', '--json'],
    ])
    const { workflow_id } = JSON.parse(made.stdout)
    const base = ['workflow-run', 'start', '--workflow-id', workflow_id]
    const wrong = await run([...base, '--parameters', '{"year": 1}'])
    expect([wrong.exitCode, wrong.stderr]).toEqual([5, expect.stringContaining('parameters.month is required')])
    const right = await run([...base, '--parameters', '{"month": "June"}', '--json'])
    expect(JSON.parse(right.stdout)).toMatchObject({
      status: 'running',
      organization_id: org,
      parameters: { month: 'June' },
    })
    expect(JSON.parse(right.stdout)).not.toHaveProperty('changes')
    const help = await run(['workflow-run', 'start', '--help'])
    expect(help.stdout).toMatch(
      /--organization-id <text> +organization that owns the run, taken from the\s+workflow when absent/,
    )
    expect(help.stdout).toContain('start --workflow-id w_712953182740054018\n')
    const copy = await run([
      'workflow',
      'new-version',
      workflow_id,
      '--title',
      'Bills',
      '--retire-previous',
      '--json',
    ])
    expect(JSON.parse(copy.stdout)).toMatchObject({ version: 2, title: 'Bills', is_active: true })
    expect(copy.stderr).toContain(`Retired: ${workflow_id}`)
    expect((await run(['workflow', 'new-version', workflow_id])).exitCode).toBe(2)
    const inactive = await run([...base, '--parameters', '{"month": "June"}'])
    expect(inactive.stderr).toContain('workflow_id is not active')
  })

  it('refuses fields of a new row beside the id of one that is there', async () => {
    const { exitCode, stderr } = await run(['workflow-run', 'start', 'wr_1', '--parameters', '{}'])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(
        /Both ids and fields of a new workflow run are given: parameters\n.* to create a workflow run\n/,
      ),
    ])
  })
})
