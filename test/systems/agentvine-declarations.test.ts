/** What AgentVine's declarations say of decisions 47 to 53, read without a database. */
import { describe, expect, it } from 'vitest'
import type { Entity } from '../../src/model/entity.ts'
import { entityNamed } from '../../src/model/system.ts'
import { freeWorker, taskToQueue } from '../../src/systems/agentvine/entities/creation-rules.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { tagList } from '../../src/systems/agentvine/rules.ts'

function named(name: string): Entity {
  const found = entityNamed(agentvine, name)
  if (!found) throw new RangeError(name)
  return found
}

/** `from verb to` of the transitions that are commands, or of those that only effects take. */
function moves(name: string, internal: boolean): string[] {
  const transitions = named(name).lifecycle?.transitions ?? []
  return transitions
    .filter((transition) => (transition.internal ?? false) === internal)
    .flatMap(({ from, verb, to, instead }) =>
      from.map((state) => `${state} ${verb} ${to}${instead ? ` or ${instead.to}` : ''}`),
    )
}

describe('the queue', () => {
  it('moves orders as decision 52 has it', () => {
    expect(moves('work-order', false)).toEqual([
      'pending claim claimed',
      'claimed complete completed',
      'claimed fail failed or pending',
      'claimed timeout failed or pending',
      'pending expire expired',
      'claimed expire expired',
      'failed requeue pending',
      'expired requeue pending',
    ])
    expect(moves('work-order', true)).toEqual(['pending withdraw expired', 'claimed abandon failed'])
  })

  it('lets nobody but orders, tasks and workers move assignments and executions', () => {
    for (const name of ['assignment', 'execution']) {
      expect(moves(name, false)).toEqual([])
      expect(named(name).verbs).toEqual(['list', 'get', 'count', 'export'])
      expect(Object.values(named(name).fields).every(({ settable }) => settable === 'never')).toBe(true)
    }
  })

  it('has every way into the queue ask what the task waits for', () => {
    const into = named('task').lifecycle?.transitions.filter(
      ({ from, to }) => to === 'queued' && from[0] !== 'in_progress',
    )
    expect(into?.map(({ verb, awaitsDependencies }) => `${verb} ${awaitsDependencies}`)).toEqual([
      'queue true',
      'enqueued true',
      'requeue true',
    ])
  })

  it('offers the oldest order, by queue, until its time has passed', () => {
    const claim = named('work-order').lifecycle?.transitions.find(({ verb }) => verb === 'claim')
    expect(claim?.claims).toEqual({ order: 'enqueued_at', by: ['queue_name'], notAfter: 'expires_at' })
  })

  it.each([
    [{ status: 'idle', draining_at: null }, undefined],
    [{ status: 'busy', draining_at: null }, undefined],
    [{ status: 'offline', draining_at: null }, 'is offline'],
    [{ status: 'error', draining_at: null }, 'is in error'],
    [{ status: 'idle', draining_at: '2026-11-01T00:00:00Z' }, 'is draining'],
  ])('a worker that is %o: %s', (worker, expected) => {
    expect(freeWorker.refuses?.(worker)).toBe(expected)
    expect(freeWorker.limit?.({ max_concurrent_tasks: 2 })).toEqual({ atMost: 2, because: 'max_concurrent_tasks' })
  })

  it('takes orders for tasks that are ready alone', () => {
    const states = Object.keys(named('task').lifecycle?.states ?? {})
    expect(states.filter((status) => taskToQueue.refuses?.({ status }) === undefined)).toEqual(['pending', 'queued'])
  })

  it('reaps after 90 seconds, and whoever was never heard of', () => {
    const reap = named('worker').operations.find(({ name }) => name === 'reap')
    expect(reap).toMatchObject({ moves: 'offline', age: { olderThan: '90 seconds', orNull: true } })
  })
})

it('what is read only, soft-deleted, partitioned and known by name is declared so', () => {
  const having = (test: (entity: Entity) => unknown) => agentvine.entities.filter(test).map(({ name }) => name)
  expect(having(({ verbs }) => !verbs.includes('create'))).toEqual([
    ...['dependency', 'assignment', 'execution', 'execution-log', 'document-version'],
  ])
  expect(having(({ softDelete }) => softDelete)).toEqual(['user', 'task', 'document'])
  expect(having(({ partitionedBy }) => partitionedBy)).toEqual(['execution-log'])
  expect(having(({ handle }) => handle)).toEqual(['user'])
})

it('workers and orders are given up, logs kept for 30 days, executions for 90 in the order of decision 50, and chat', () => {
  expect(
    agentvine.retention.map(({ entity, action, olderThan, optIn }) => [entity, action, olderThan, optIn]),
  ).toEqual([
    ['worker', 'expire', '90 seconds', undefined],
    ['work-order', 'expire', '0 seconds', undefined],
    ['execution-log', 'drop-partitions', '30 days', undefined],
    ['execution', 'archive', '90 days', undefined],
    ['chat-message', 'archive', '1 year', true],
    ['document', 'purge', '90 days', true],
  ])
})

it.each([
  [[' sql ', 'sql', 'queue'], ['sql', 'queue'], undefined],
  [['  '], [''], 'must not have a blank tag'],
  [[], [], undefined],
])('tags %j are %j: %s', (given, stored, problem) => {
  expect(tagList.normalise?.(given)).toEqual(stored)
  expect(tagList.check(stored)).toBe(problem)
})
