/**
 * Where work orders stand, and what is in step with them (systems/agentvine.md, 4; decision 52): a claimed order has an
 * active assignment, a running execution and a task in progress, and whatever ends it ends those in one transaction. An
 * order that fails or times out goes back into the queue while it has retries left.
 */
import type { Effect, Link } from '../../../model/effect.ts'
import { integer, json, reference } from '../../../model/field.ts'
import { type Instead, lifecycle } from '../../../model/lifecycle.ts'
import { jsonObject } from '../../../model/rule.ts'

export const ORDER_STATUSES = ['pending', 'claimed', 'completed', 'failed', 'expired'] as const

const assignment: Link = { entity: 'assignment', via: 'work_order_id', where: { status: 'active' } }
// The execution of a task that has a claimed order is the order's: both are one at a time.
const execution: Link = { entity: 'execution', via: 'task_id', equals: 'task_id', where: { status: 'running' } }
const task: Link = { parent: 'task_id' }

/** What a worker tells of an execution when it ends. */
const outcome = {
  exit_code: integer({ summary: 'exit code of the execution', nullable: true }),
  metrics: json({ summary: 'what the execution took, e.g. tokens', nullable: true, rules: [jsonObject] }),
}
const told = { exit_code: { given: 'exit_code' }, metrics: { given: 'metrics' } } as const

const giveUp: Effect = { move: 'fail', of: task, values: { error_message: { row: 'error_message' } } }

/** The way of orders with retries left. */
function again(ends: readonly Effect[]): Instead<'pending'> {
  return {
    when: { field: 'retry_count', isBelow: 'max_retries' },
    to: 'pending',
    increments: ['retry_count'],
    clears: ['claimed_at'],
    effects: [...ends, { move: 'return', of: task }],
  }
}

const fails: readonly Effect[] = [
  { move: 'fail', of: assignment },
  { move: 'fail', of: execution, values: told },
]
const timesOut: readonly Effect[] = [
  { move: 'timeout', of: assignment },
  { move: 'timeout', of: execution },
]
const NOT_IN_TIME = 'The worker went away or did not finish in time'

export const orderLifecycle = lifecycle({
  field: 'status',
  initial: 'pending',
  states: {
    pending: 'waiting',
    claimed: 'active',
    completed: 'terminal',
    failed: 'terminal',
    expired: 'terminal',
  },
  stamps: { claimed: 'claimed_at' },
  endedAt: 'completed_at',
  transitions: [
    {
      verb: 'claim',
      summary: 'Take an order for a worker: the oldest one that waits, each by one worker only',
      from: ['pending'],
      to: 'claimed',
      inputs: {
        worker: reference('worker', 'id', { summary: 'worker that takes it', kind: 'uuid', onDelete: 'cascade' }),
      },
      claims: { order: 'enqueued_at', by: ['queue_name'], notAfter: 'expires_at' },
      effects: [
        {
          insert: 'assignment',
          values: {
            worker_id: { given: 'worker' },
            work_order_id: { row: 'id' },
            assigned_at: { row: 'claimed_at' },
          },
        },
        { move: 'begin', of: task, values: { assigned_to: { given: 'worker' } }, required: true },
        {
          insert: 'execution',
          values: {
            task_id: { row: 'task_id' },
            worker_id: { given: 'worker' },
            started_at: { row: 'claimed_at' },
          },
        },
      ],
    },
    {
      verb: 'complete',
      summary: 'Record what came of the order; assignment, execution and task are completed with it',
      from: ['claimed'],
      to: 'completed',
      takes: { result: 'optional' },
      inputs: outcome,
      effects: [
        { move: 'complete', of: assignment },
        { move: 'complete', of: execution, values: told },
        { move: 'complete', of: task },
      ],
    },
    {
      verb: 'fail',
      summary: 'Record that the try failed, and why: the order is tried again, or its task fails',
      from: ['claimed'],
      to: 'failed',
      takes: { error_message: 'required' },
      inputs: outcome,
      effects: [...fails, giveUp],
      instead: again(fails),
    },
    {
      verb: 'timeout',
      summary: 'Record that the worker did not finish: the order is tried again, or its task fails',
      from: ['claimed'],
      to: 'failed',
      takes: { error_message: 'optional' },
      sets: { error_message: NOT_IN_TIME },
      effects: [...timesOut, giveUp],
      instead: { ...again(timesOut), sets: { error_message: NOT_IN_TIME } },
    },
    {
      verb: 'expire',
      summary:
        'Record that nobody needs the order any more: a task that waits is pending again, one in progress fails',
      from: ['pending', 'claimed'],
      to: 'expired',
      takes: { error_message: 'optional' },
      sets: { error_message: 'The order expired' },
      ends: true,
      effects: [...timesOut, { move: 'unqueue', of: task }, giveUp],
    },
    {
      verb: 'requeue',
      summary: 'Put the failed or expired order back into the queue, with all its retries',
      from: ['failed', 'expired'],
      to: 'pending',
      takes: { expires_at: 'optional' },
      sets: { retry_count: 0 },
      clears: ['claimed_at', 'completed_at', 'error_message', 'expires_at'],
      effects: [{ move: 'requeue', of: task, required: true }],
    },

    {
      verb: 'withdraw',
      summary: 'Its task left the queue',
      from: ['pending'],
      to: 'expired',
      sets: { error_message: 'The task left the queue' },
      internal: true,
    },
    {
      verb: 'abandon',
      summary: 'Its task was ended by hand',
      from: ['claimed'],
      to: 'failed',
      takes: { error_message: 'required' },
      effects: [{ move: 'fail', of: assignment }],
      internal: true,
    },
  ],
})
