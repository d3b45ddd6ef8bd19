/**
 * The states of a task (decision 54). An agent starts it once what it waits for is finished; validation may lie between
 * the work and its end. `retry` is the only way out of an end: the document's executions are attempts at one task.
 */
import { lifecycle } from '../../../model/lifecycle.ts'

export const TASK_STATUSES = ['pending', 'in_progress', 'validation', 'completed', 'failed', 'cancelled'] as const

export const taskLifecycle = lifecycle({
  field: 'status',
  initial: 'pending',
  states: {
    pending: 'waiting',
    in_progress: 'active',
    validation: 'active',
    completed: 'terminal',
    failed: 'terminal',
    cancelled: 'terminal',
  },
  endedAt: 'completed_at',
  transitions: [
    {
      verb: 'start',
      summary: 'Record that an agent works on the task; it must have one, and wait for no other task',
      from: ['pending'],
      to: 'in_progress',
      awaitsDependencies: true,
    },
    {
      verb: 'validate',
      summary: 'Record that the work is done and being validated',
      from: ['in_progress'],
      to: 'validation',
    },
    {
      verb: 'complete',
      summary: 'Record that the task is done',
      from: ['in_progress', 'validation'],
      to: 'completed',
      takes: { actual_duration: 'optional' },
    },
    {
      verb: 'fail',
      summary: 'Record that the task failed',
      from: ['in_progress', 'validation'],
      to: 'failed',
      takes: { actual_duration: 'optional' },
    },
    {
      verb: 'cancel',
      summary: 'Give the task up, with its executions that are queued or running',
      from: ['pending', 'in_progress', 'validation'],
      to: 'cancelled',
      effects: [{ move: 'cancel', of: { entity: 'execution', via: 'task_id' } }],
      ends: true,
    },
    {
      verb: 'retry',
      summary: 'Have the failed task done again',
      from: ['failed'],
      to: 'pending',
      clears: ['completed_at', 'actual_duration'],
    },
  ],
})
