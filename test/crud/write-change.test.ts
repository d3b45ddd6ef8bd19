import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { assignRows } from '../../src/crud/assign.ts'
import { applyBulk, planBulk } from '../../src/crud/bulk.ts'
import { copyRow } from '../../src/crud/copy.ts'
import { editedValues, textToEdit } from '../../src/crud/edit.ts'
import { filtersFrom } from '../../src/crud/filters.ts'
import { inputReader } from '../../src/crud/input.ts'
import type { Scope } from '../../src/crud/scope.ts'
import { createAndMove } from '../../src/crud/start.ts'
import { transitionEach, transitionRows } from '../../src/crud/transition.ts'
import { readSnapshot, updateRow } from '../../src/crud/update.ts'
import { InterruptedError } from '../../src/errors.ts'
import type { Cells } from '../../src/model/column.ts'
import type { Transition } from '../../src/model/lifecycle.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { actor, auditOf, create, organization, refusal, scopeFor, setStatus, task } from './write-support.ts'

let database: TestDatabase
let organizationId: string
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  organizationId = await organization(database.db, { settings: { max_concurrent_tasks: 1000 } })
})

function verb(scope: Scope, name: string): Transition {
  const found = scope.entity.lifecycle?.transitions.find((transition) => transition.verb === name)
  if (!found) throw new Error(`no transition ${name}`)
  return found
}

async function row(scope: Scope, id: string): Promise<Cells> {
  return (await readSnapshot(database.db, scope, id)).row
}

async function update(scope: Scope, id: string, raw: Record<string, unknown>) {
  const reader = await inputReader(scope.entity, 'update')
  const snapshot = await readSnapshot(database.db, scope, id)
  return updateRow(database.db, scope, id, snapshot, reader.read(raw, 'json'), { actor })
}

describe('updating a row', () => {
  it('writes what differs and says what it was before', async () => {
    const scope = scopeFor('organization')
    const { row: after, changes } = await update(scope, organizationId, {
      domain: 'example.org',
      max_steps_per_run: 10,
      settings: { tier: 'gold', max_concurrent_tasks: 1000 },
    })
    expect(changes).toMatchObject([
      { field: 'domain', before: null, after: 'example.org' },
      {
        field: 'settings',
        before: { max_concurrent_tasks: 1000 },
        after: { max_concurrent_tasks: 1000, tier: 'gold' },
      },
    ])
    expect(after.domain).toBe('example.org')
    expect((await auditOf(database.db, organizationId)).map(({ action }) => action)).toEqual(['create', 'update'])
  })

  it('changes nothing when nothing differs, whatever the order of keys', async () => {
    const scope = scopeFor('organization')
    await update(scope, organizationId, { settings: { a: 1, b: [1, { c: 2, d: 3 }] } })
    const before = await row(scope, organizationId)
    const { changes } = await update(scope, organizationId, { settings: { b: [1, { d: 3, c: 2 }], a: 1 } })
    expect(changes).toEqual([])
    expect(await row(scope, organizationId)).toEqual(before)
  })

  it('is refused when someone else changed the row since it was read', async () => {
    const { db } = database
    const scope = scopeFor('organization')
    const snapshot = await readSnapshot(db, scope, organizationId)
    await update(scope, organizationId, { domain: 'first.example' })
    const reader = await inputReader(scope.entity, 'update')
    const late = reader.read({ max_steps_per_run: 20 }, 'json')
    const { error } = await refusal(updateRow(db, scope, organizationId, snapshot, late, { actor }))
    expect(error).toMatchObject({ code: 'changed-meanwhile', exitCode: 5 })
    expect(error.message).toContain('(domain)')
    expect((await row(scope, organizationId)).max_steps_per_run).toBe(10)
  })

  it('lets one of two writers at the same time win and tells the other', async () => {
    const scope = scopeFor('organization')
    const outcomes = await Promise.allSettled([
      update(scope, organizationId, { domain: 'a.example' }),
      update(scope, organizationId, { domain: 'b.example' }),
      update(scope, organizationId, { domain: 'c.example' }),
    ])
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    expect(new Set(lost).size).toBeLessThanOrEqual(1)
    const audits = (await auditOf(database.db, organizationId)).filter(({ action }) => action === 'update')
    expect(audits.length + lost.length).toBe(3)
  })

  it('names the operations that change what an update cannot', async () => {
    const id = await task(database.db, organizationId)
    const { problems } = await refusal(
      update(scopeFor('task'), id, {
        status: 'failed',
        url: 'https://x.org',
        failure_reason: ' ',
        completed_at: null,
      }),
    )
    expect(Object.fromEntries(problems.map(({ where, reason }) => [where, reason]))).toEqual({
      url: 'is set at creation only',
      failure_reason: 'must not be blank',
      status: 'is changed by task queue, start, complete, fail, cancel, terminate, retry',
      completed_at: 'is changed by task complete, fail, cancel, terminate, retry',
    })
    const missing = await refusal(update(scopeFor('task'), 'tsk_9', { failure_reason: 'x' }))
    expect(missing.error.exitCode).toBe(4)
    const inactive = await refusal(update(scopeFor('organization'), organizationId, { is_active: false }))
    expect(inactive.error.message).toBe('is_active is changed by organization activate, deactivate')
  })

  it('survives the way through an editor without a change', async () => {
    const scope = scopeFor('organization')
    await update(scope, organizationId, {
      organization_name: `Ünïcode: "#1" ${organizationId}`,
      domain: '123',
      settings: { text: 'true', list: [1, 2.5, null], nested: { deep: 'a: b' } },
    })
    const before = await row(scope, organizationId)
    const text = await textToEdit(scope.entity, before)
    expect(text).toContain('# display name, unique')
    const reader = await inputReader(scope.entity, 'update')
    const reading = reader.read(await editedValues(text), 'json')
    expect(reading.problems).toEqual([])
    const snapshot = await readSnapshot(database.db, scope, organizationId)
    const { changes } = await updateRow(database.db, scope, organizationId, snapshot, reading, { actor })
    expect(changes).toEqual([])
    await expect(editedValues('- a list')).rejects.toMatchObject({ exitCode: 5 })
  })
})

describe('transitions', () => {
  it('stamp, clear and count as declared', async () => {
    const { db } = database
    const scope = scopeFor('step')
    const task_id = await task(db, organizationId)
    const id = String((await create(db, scope, { task_id, step_type: 'action' })).step_id)
    const move = (name: string, values = {}) => transitionRows(db, scope, verb(scope, name), [id], values, { actor })
    const [started] = await move('start')
    expect(started?.after).toMatchObject({ status: 'running', completed_at: null })
    expect(started?.after.started_at).toMatch(/Z$/)
    const [failed] = await move('fail', { failure_reason: 'Timed out' })
    expect(failed?.after).toMatchObject({ status: 'failed', failure_reason: 'Timed out' })
    expect(String(failed?.after.completed_at) >= String(failed?.after.started_at)).toBe(true)
    const [again] = await move('retry')
    expect(again?.after).toMatchObject({
      status: 'retrying',
      retry_index: 1,
      failure_reason: null,
      completed_at: null,
      started_at: null,
    })
    expect((await auditOf(db, id)).map(({ action }) => action)).toEqual(['create', 'start', 'fail', 'retry'])
  })

  it('say which state forbids them and where it leads', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const id = await task(db, organizationId)
    const wrong = await refusal(transitionRows(db, scope, verb(scope, 'complete'), [id], {}, { actor }))
    expect(wrong.error).toMatchObject({ code: 'forbidden-transition', exitCode: 5 })
    expect(wrong.error.message).toBe(
      `task ${id} is created, and complete needs running; from created there is queue (to queued)`,
    )
    await setStatus(db, scope, id, 'completed')
    const over = await refusal(transitionRows(db, scope, verb(scope, 'cancel'), [id], {}, { actor }))
    expect(over.error.message).toContain('nothing leads out of completed')
    const gone = await refusal(transitionRows(db, scope, verb(scope, 'cancel'), ['tsk_404'], {}, { actor }))
    expect(gone.error.exitCode).toBe(4)
  })

  it('let one of two rivals win and tell the other', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const id = await task(db, organizationId)
    await setStatus(db, scope, id, 'running')
    const outcomes = await Promise.allSettled([
      transitionRows(db, scope, verb(scope, 'cancel'), [id], {}, { actor }),
      transitionRows(db, scope, verb(scope, 'terminate'), [id], {}, { actor }),
    ])
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(lost).toHaveLength(1)
    expect(lost[0]).toMatchObject({ code: 'forbidden-transition' })
    const after = await row(scope, id)
    expect(lost[0].message).toContain(`is ${after.status}`)
    expect(after.completed_at).not.toBeNull()
  })

  it('move several rows all or none, or those that can be moved', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const [a, b, c] = [await task(db, organizationId), await task(db, organizationId), await task(db, organizationId)]
    await setStatus(db, scope, b, 'completed')
    const { error } = await refusal(transitionRows(db, scope, verb(scope, 'queue'), [a, b, c], {}, { actor }))
    expect(error.message).toContain(`task ${b} is completed`)
    expect((await row(scope, a)).status).toBe('created')
    const result = await transitionEach(db, scope, verb(scope, 'queue'), [a, b, 'tsk_404', c, c], {}, { actor })
    expect(result.moved).toHaveLength(2)
    expect(result.failures.map(({ id }) => id)).toEqual([b, 'tsk_404'])
  })
})

describe('starting a workflow run', () => {
  async function workflow(raw: Record<string, unknown> = {}): Promise<string> {
    const made = await create(database.db, scopeFor('workflow'), {
      organization_id: organizationId,
      title: 'Invoices',
      workflow_definition: { blocks: [] },
      parameter_schema: { type: 'object', required: ['month'] },
      ...raw,
    })
    return String(made.workflow_id)
  }

  it('creates and starts it in one go, or neither', async () => {
    const { db } = database
    const scope = scopeFor('workflow-run')
    const values = { workflow_id: await workflow(), organization_id: organizationId, parameters: { month: 'June' } }
    const started = await createAndMove(db, scope, verb(scope, 'start'), { values, problems: [] }, {}, { actor })
    expect(started).toMatchObject({ status: 'running', parameters: { month: 'June' } })
    const wrong = { values: { ...values, parameters: {} }, problems: [] }
    const { error } = await refusal(createAndMove(db, scope, verb(scope, 'start'), wrong, {}, { actor }))
    expect(error.message).toBe('parameters.month is required')
    expect(
      await db.one(sql`SELECT count(*) AS count FROM skyvern.workflow_runs
                       WHERE organization_id = ${organizationId}`),
    ).toEqual({ count: 1n })
  })

  it('asks again whether the workflow is active, which may have changed since the run was created', async () => {
    const { db } = database
    const scope = scopeFor('workflow-run')
    const workflow_id = await workflow()
    const made = await create(db, scope, { workflow_id, organization_id: organizationId, parameters: { month: 'x' } })
    const id = String(made.workflow_run_id)
    await transitionRows(db, scope, verb(scope, 'queue'), [id], {}, { actor })
    const [deactivate] = scopeFor('workflow').entity.operations.filter(({ name }) => name === 'deactivate')
    if (deactivate?.kind !== 'assign') throw new Error('no deactivate')
    await assignRows(db, scopeFor('workflow'), deactivate, [workflow_id], { actor })
    const { error } = await refusal(transitionRows(db, scope, verb(scope, 'start'), [id], {}, { actor }))
    expect(error.message).toBe('workflow_id is not active')
    const again = await refusal(assignRows(db, scopeFor('workflow'), deactivate, [workflow_id], { actor }))
    expect(again.error.message).toBe(`workflow ${workflow_id} is already inactive (is_active is false)`)
  })

  it('makes new versions of a workflow, also at the same time, and retires the older ones', async () => {
    const { db } = database
    const scope = scopeFor('workflow')
    const id = await workflow()
    const [operation] = scope.entity.operations.filter(({ kind }) => kind === 'copy')
    if (operation?.kind !== 'copy') throw new Error('no copy')
    const copy = (title: string, retirePrevious = false) =>
      copyRow(db, scope, operation, id, { values: { title }, problems: [] }, { actor, retirePrevious })
    const copies = await Promise.all(['two', 'three', 'four', 'five'].map((title) => copy(title)))
    expect(copies.map(({ row: made }) => made.version).sort()).toEqual([2, 3, 4, 5])
    const { row: last, retired } = await copy('six', true)
    expect(last).toMatchObject({ version: 6, is_active: true, workflow_definition: { blocks: [] } })
    expect(last.workflow_permanent_id).toBe(copies[0]?.row.workflow_permanent_id)
    expect(retired).toHaveLength(5)
    expect((await row(scope, id)).is_active).toBe(false)
  })
})

describe('many rows by filter', () => {
  async function queued(count: number): Promise<string[]> {
    const { db } = database
    const ids: string[] = []
    for (let index = 0; index < count; index++) ids.push(await task(db, organizationId))
    await db.execute(sql`UPDATE skyvern.tasks SET status = 'queued' WHERE task_id = ANY (${ids}::text[])`)
    return ids
  }

  function chosen(scope: Scope) {
    return filtersFrom(scope.entity, { fields: { organization_id: [organizationId] } })
  }

  it('moves exactly the rows of the plan, in batches, and skips those that left the state', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const cancel = verb(scope, 'cancel')
    const ids = await queued(7)
    await setStatus(db, scope, String(ids[6]), 'completed')
    const filters = chosen(scope)
    const plan = await planBulk(db, scope, cancel, filters)
    expect(plan.states).toEqual([
      { state: 'queued', rows: 6n, moves: true },
      { state: 'completed', rows: 1n, moves: false },
    ])
    await setStatus(db, scope, String(ids[2]), 'failed')
    const later = await queued(1)
    const options = { values: {}, filters, actor, batchSize: 2, signal: new AbortController().signal }
    const result = await applyBulk(db, scope, cancel, plan, options)
    expect(result).toMatchObject({ planned: 6, moved: 5, skipped: 1, failed: 0, left: 0 })
    const after = await row(scope, String(ids[0]))
    expect(after).toMatchObject({ status: 'cancelled' })
    expect(after.completed_at).not.toBeNull()
    expect((await row(scope, String(later[0]))).status).toBe('queued')
    expect((await auditOf(db, String(ids[0]))).at(-1)).toMatchObject({ action: 'cancel' })
  })

  it('refuses when more rows match than --max-rows allows', async () => {
    const scope = scopeFor('task')
    await queued(3)
    const { error } = await refusal(planBulk(database.db, scope, verb(scope, 'cancel'), chosen(scope), 2))
    expect(error).toMatchObject({ code: 'too-many-rows', exitCode: 5 })
  })

  it('leaves out rows that another session holds', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const ids = await queued(3)
    const plan = await planBulk(db, scope, verb(scope, 'cancel'), chosen(scope))
    await db.transaction(async (rival) => {
      await rival.execute(sql`SELECT FROM skyvern.tasks WHERE task_id = ${ids[1]} FOR UPDATE`)
      const options = { values: {}, filters: [], actor, signal: new AbortController().signal }
      const result = await applyBulk(db, scope, verb(scope, 'cancel'), plan, options)
      expect(result).toMatchObject({ moved: 2, skipped: 1 })
    })
  })

  it('stops between two batches and says what is left', async () => {
    const { db } = database
    const scope = scopeFor('task')
    await queued(6)
    const plan = await planBulk(db, scope, verb(scope, 'cancel'), chosen(scope))
    const stopping = new AbortController()
    const result = await applyBulk(db, scope, verb(scope, 'cancel'), plan, {
      values: {},
      filters: [],
      actor,
      batchSize: 2,
      signal: stopping.signal,
      onProgress: ({ done }) => {
        if (done === 4) stopping.abort(new InterruptedError('SIGINT'))
      },
    })
    expect(result).toMatchObject({ moved: 4, skipped: 0, left: 2, stopped: { exitCode: 130 } })
  })

  it('names the rows that the database refuses and moves the others', async () => {
    const { db } = database
    const scope = scopeFor('task')
    const ids = await queued(3)
    await db.execute(sql`UPDATE skyvern.tasks SET totp_identifier = 'poison' WHERE task_id = ${ids[1]}`)
    await db.execute(sql`
      ALTER TABLE skyvern.tasks ADD CONSTRAINT no_poison
      CHECK (totp_identifier IS NULL OR totp_identifier <> 'poison' OR status <> 'cancelled')`)
    try {
      const plan = await planBulk(db, scope, verb(scope, 'cancel'), chosen(scope))
      const options = { values: {}, filters: [], actor, signal: new AbortController().signal }
      const result = await applyBulk(db, scope, verb(scope, 'cancel'), plan, options)
      expect(result).toMatchObject({ moved: 2, failed: 1, skipped: 0 })
      expect(result.failures).toEqual([{ id: ids[1], reason: expect.stringContaining('no_poison') }])
    } finally {
      await db.execute(sql`ALTER TABLE skyvern.tasks DROP CONSTRAINT no_poison`)
    }
  })
})
