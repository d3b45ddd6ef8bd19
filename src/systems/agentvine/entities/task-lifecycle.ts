/**
 * Where tasks stand (systems/agentvine.md, 3; decision 52). A queued task has a pending order, one in progress that a
 * worker does has a claimed order, an active assignment and a running execution: whichever of them is moved takes the
 * others along. A task waits while a task it depends on (`blocks`) is not completed.
 *
 * The internal transitions are what happens to a task when its order is moved.
 */
import type { Link } from '../../../model/effect.ts'
import { json, text, varchar } from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'

export const TASK_STATUSES = [
  'pending',
  'queued',
  'in_progress',
  'blocked',
  'completed',
  'failed',
  'cancelled',
] as const

const orders = (status: 'pending' | 'claimed'): Link => ({ entity: 'work-order', via: 'task_id', where: { status } })
const executions: Link = { entity: 'execution', via: 'task_id', where: { status: 'running' } }

export const taskLifecycle = lifecycle({
  field: 'status',
  initial: 'pending',
  states: {
    pending: 'waiting',
    queued: 'active',
    in_progress: 'active',
    blocked: 'waiting',
    completed: 'terminal',
    failed: 'terminal',
    cancelled: 'terminal',
  },
  stamps: { in_progress: 'started_at' },
  endedAt: 'completed_at',
  transitions: [
    {
      verb: 'queue',
      summary: 'Put the task into a queue: makes its work order',
      from: ['pending'],
      to: 'queued',
      awaitsDependencies: true,
      inputs: {
        queue_name: varchar(50, { summary: 'queue to put it into', rules: [notBlank] }),
        payload: json({ summary: 'what the order carries', nullable: true, rules: [jsonObject] }),
      },
      effects: [
        {
          insert: 'work-order',
          values: {
            task_id: { row: 'id' },
            queue_name: { given: 'queue_name' },
            payload: { given: 'payload' },
          },
        },
      ],
    },
    {
      verb: 'start',
      summary: 'Record that someone works on the task without the queue; its order is withdrawn',
      from: ['pending', 'queued'],
      to: 'in_progress',
      awaitsDependencies: true,
      takes: { assigned_to: 'optional' },
      effects: [{ move: 'withdraw', of: orders('pending') }],
    },
    {
      verb: 'block',
      summary: 'Record that the task cannot go on; its order is withdrawn',
      from: ['pending', 'queued'],
      to: 'blocked',
      effects: [{ move: 'withdraw', of: orders('pending') }],
    },
    {
      verb: 'unblock',
      summary: 'Record that the task can go on',
      from: ['blocked'],
      to: 'pending',
      awaitsDependencies: true,
    },
    {
      verb: 'complete',
      summary: 'Record that the task is done; its order and execution are completed',
      from: ['in_progress'],
      to: 'completed',
      takes: { pr_number: 'optional' },
      effects: [
        { move: 'complete', of: orders('claimed') },
        { move: 'complete', of: executions },
      ],
    },
    {
      verb: 'fail',
      summary: 'Record that the task failed for good, and why; its order and execution fail',
      from: ['in_progress'],
      to: 'failed',
      inputs: { error_message: text({ summary: 'why it failed', rules: [notBlank] }) },
      effects: [
        { move: 'abandon', of: orders('claimed'), values: { error_message: { given: 'error_message' } } },
        { move: 'fail', of: executions },
      ],
    },
    {
      verb: 'cancel',
      summary: 'Give the task up; its order is withdrawn or fails, its execution is cancelled',
      from: ['pending', 'queued', 'blocked', 'in_progress'],
      to: 'cancelled',
      ends: true,
      effects: [
        { move: 'withdraw', of: orders('pending') },
        { move: 'abandon', of: orders('claimed'), values: { error_message: { value: 'The task was cancelled' } } },
        { move: 'cancel', of: executions },
      ],
    },
    {
      verb: 'reopen',
      summary: 'Take up the failed or cancelled task again',
      from: ['failed', 'cancelled'],
      to: 'pending',
      clears: ['started_at', 'completed_at', 'assigned_to'],
    },

    {
      verb: 'enqueued',
      summary: 'An order was made for it',
      from: ['pending'],
      to: 'queued',
      awaitsDependencies: true,
      internal: true,
    },
    {
      verb: 'begin',
      summary: 'A worker claimed its order',
      from: ['queued'],
      to: 'in_progress',
      takes: { assigned_to: 'required' },
      internal: true,
    },
    {
      verb: 'return',
      summary: 'Its order went back into the queue',
      from: ['in_progress'],
      to: 'queued',
      clears: ['assigned_to'],
      internal: true,
    },
    {
      verb: 'unqueue',
      summary: 'Its order expired before anybody claimed it',
      from: ['queued'],
      to: 'pending',
      internal: true,
    },
    {
      verb: 'requeue',
      summary: 'Its order was put back by hand',
      from: ['pending', 'failed'],
      to: 'queued',
      awaitsDependencies: true,
      clears: ['assigned_to', 'completed_at'],
      internal: true,
    },
  ],
})
