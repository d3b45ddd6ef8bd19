/** What Agensium's document and decisions 37 to 45 say, read off the declarations without a database. */
import { describe, expect, it } from 'vitest'
import type { Entity } from '../../src/model/entity.ts'
import { isSettableAt } from '../../src/model/field.ts'
import { entityNamed } from '../../src/model/system.ts'
import { describeDeclarations } from '../../src/schema/declared.ts'
import { task } from '../../src/systems/agensium/entities/task.ts'
import { ENDS, taskLifecycle } from '../../src/systems/agensium/entities/task-lifecycle.ts'
import { wallet } from '../../src/systems/agensium/entities/wallet.ts'
import { agensium } from '../../src/systems/agensium/index.ts'

function named(name: string): Entity {
  const found = entityNamed(agensium, name)
  if (!found) throw new RangeError(name)
  return found
}

/** Every reason why the rules of a field refuse the value, after they normalised it. */
function reasons(entity: Entity, key: string, value: unknown): string[] {
  const rules = entity.fields[key]?.rules ?? []
  const normal = rules.reduce((so, rule) => rule.normalise?.(so) ?? so, value)
  return rules.flatMap((rule) => rule.check(normal) ?? [])
}

it('has every index that the document names, and the one of decision 43', () => {
  const { tasks } = describeDeclarations(agensium, 'agensium').tables
  expect(Object.keys(tasks?.indexes ?? {}).sort()).toEqual([
    'idx_tasks_created_at',
    'idx_tasks_status',
    'idx_tasks_tool_id',
    'idx_tasks_user_created',
    'idx_tasks_user_id',
    'idx_tasks_user_status',
  ])
  expect(tasks?.foreignKeys.fk_task_user).toMatchObject({ on: ['user_id'], table: 'users', columns: ['id'] })
  expect(Object.keys(tasks?.checks ?? {})).toEqual(
    expect.arrayContaining(['chk_status', 'chk_progress', 'chk_tool_id']),
  )
})

it('lets nobody delete a user with money or tasks by accident, and takes the wallet along', () => {
  const onDelete = (name: string) => named(name).fields.user_id?.reference?.onDelete
  expect([onDelete('task'), onDelete('transaction'), onDelete('wallet')]).toEqual(['restrict', 'restrict', 'cascade'])
})

describe('tasks', () => {
  it('move as the document and decision 40 have it', () => {
    const moves = taskLifecycle.transitions.flatMap(({ from, verb, to }) =>
      from.map((state) => `${state} ${verb} ${to}`),
    )
    expect(moves.sort()).toEqual([
      'CREATED cancel CANCELLED',
      'CREATED expire EXPIRED',
      'CREATED start-upload UPLOADING',
      'PROCESSING cancel CANCELLED',
      'PROCESSING complete COMPLETED',
      'PROCESSING fail FAILED',
      'QUEUED cancel CANCELLED',
      'QUEUED expire EXPIRED',
      'QUEUED fail FAILED',
      'QUEUED process PROCESSING',
      'UPLOADING cancel CANCELLED',
      'UPLOADING expire EXPIRED',
      'UPLOADING fail-upload UPLOAD_FAILED',
      'UPLOADING queue QUEUED',
      'UPLOAD_FAILED expire EXPIRED',
      'UPLOAD_FAILED process PROCESSING',
    ])
  })

  it('are created from user, tool and agents, and led by operations alone', () => {
    const settable = (moment: 'create' | 'update') =>
      Object.entries(task.fields).flatMap(([key, field]) => (isSettableAt(field, moment) ? [key] : []))
    expect(settable('create')).toEqual(['user_id', 'tool_id', 'agents'])
    expect(task.verbs).not.toContain('update')
  })

  it.each([
    [['unified-profiler'], []],
    [[], ['must be a JSON array of at least one agent id']],
    [{}, ['must be a JSON array of at least one agent id']],
    [['a', 1], ['must hold agent ids, which are texts']],
    [['a', ' '], ['must hold agent ids, which are texts']],
  ])('of agents %j are refused with %j', (agents, expected) => {
    expect(reasons(task, 'agents', agents)).toEqual(expected)
  })

  it('need a user who is active', () => {
    const [rule] = task.creation
    expect([rule?.refuses?.({ is_active: false }), rule?.refuses?.({ is_active: true })]).toEqual([
      'is not active',
      undefined,
    ])
  })
})

describe('retention', () => {
  it('limits every state that is no end by the time it was entered (decision 40)', () => {
    const limits = agensium.retention
      .filter(({ action }) => action === 'expire')
      .map(({ only, ageOf, olderThan, transition }) => [only?.status, ageOf, olderThan, transition])
    expect(limits).toEqual([
      [['CREATED'], 'created_at', '15 minutes', 'expire'],
      [['UPLOADING'], 'upload_started_at', '15 minutes', 'expire'],
      [['UPLOAD_FAILED'], 'upload_failed_at', '1 day', 'expire'],
      [['QUEUED'], 'queued_at', '1 day', 'expire'],
      [['PROCESSING'], 'processing_started_at', '6 hours', 'fail'],
    ])
    const hung = agensium.retention.find(({ name }) => name === 'hung-tasks')
    expect(hung?.values?.error_code).toBe('TASK_TIMED_OUT')
    for (const { transition, values = {} } of agensium.retention) {
      const takes = taskLifecycle.transitions.find(({ verb }) => verb === transition)?.takes ?? {}
      const required = Object.keys(takes).filter((key) => takes[key] === 'required')
      expect(Object.keys(values)).toEqual(required)
    }
  })

  it('deletes files of every end, inputs after 7 days and outputs after 30 (decisions 39 and 45)', () => {
    const rules = agensium.retention.filter(({ action }) => action === 'delete-files')
    expect(rules.map(({ olderThan, files }) => [olderThan, files?.prefix, files?.cleanedAt])).toEqual([
      ['7 days', 'users/{user_id}/tasks/{task_id}/inputs/', 'inputs_cleaned_at'],
      ['30 days', 'users/{user_id}/tasks/{task_id}/outputs/', 'outputs_cleaned_at'],
    ])
    for (const rule of rules) {
      expect(rule.only?.status).toEqual(ENDS)
      expect(rule.ageOf).toEqual(ENDS.map((end) => `${end.toLowerCase()}_at`))
    }
  })

  it('marks tasks as deleted after a year, those that have ended and whose files are gone (decision 38)', () => {
    expect(agensium.retention.find(({ action }) => action === 'soft-delete')).toMatchObject({
      ageOf: 'created_at',
      olderThan: '1 year',
    })
    expect(task.softDelete?.only?.map(({ field, isOneOf }) => [field, isOneOf])).toEqual([
      ['status', ENDS],
      ['s3_cleaned', [true]],
    ])
  })

  it('touches no money', () => {
    expect(new Set(agensium.retention.map(({ entity }) => entity))).toEqual(new Set(['task']))
  })
})

describe('secrets', () => {
  it('are the hash of the password and the one-time code (decision 44)', () => {
    const secret = agensium.entities.flatMap(({ name, fields }) =>
      Object.entries(fields).flatMap(([key, field]) => (field.secret ? [`${name}.${key}`] : [])),
    )
    expect(secret).toEqual(['user.hashed_password', 'user.otp_code'])
    expect(named('user').fields.hashed_password?.sealed).toEqual({ by: 'bcrypt', input: 'password' })
  })

  it('of an account end with the code that was sent for it', () => {
    for (const name of ['verify', 'set-password']) {
      const operation = named('user').operations.find((each) => each.name === name)
      expect(operation).toMatchObject({ clears: ['otp_code', 'otp_expires_at', 'otp_type'] })
    }
  })
})

describe('the ledger', () => {
  it('books with the sign of the type, and what comes from Stripe once', () => {
    const posts = named('wallet').operations.flatMap((operation) =>
      operation.kind === 'post' ? [[operation.name, operation.sign, operation.type, operation.once ?? []]] : [],
    )
    expect(posts).toEqual([
      ['grant', 'plus', 'GRANT', []],
      ['purchase', 'plus', 'PURCHASE', ['stripe_checkout_session_id', 'stripe_payment_intent_id']],
      ['debit', 'minus', 'CONSUME', []],
      ['refund', 'plus', 'REFUND', []],
      ['adjust', 'given', 'ADJUSTMENT', []],
      ['take-back', 'minus', 'ADJUSTMENT', ['stripe_charge_id']],
    ])
  })

  it('is read and never written by hand; a wallet that is missing can be opened, empty', () => {
    expect(named('transaction').verbs).toEqual(['list', 'get', 'count', 'export'])
    expect(named('wallet').verbs).toEqual(['list', 'get', 'create', 'count', 'export'])
    expect(isSettableAt(wallet.fields.balance_credits, 'create')).toBe(false)
  })
})
