/**
 * The states that tasks and workflow runs share (systems/skyvern.md, "Task Status Lifecycle"; decision 11): created,
 * queued, running and four ends. `retry` is the only way out of an end and puts the row back into the queue.
 */
import type { Role, Transition } from '../../../model/lifecycle.ts'

export const RUN_STATUSES = [
  'created',
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
  'terminated',
] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

export const RUN_ROLES: Readonly<Record<RunStatus, Role>> = {
  created: 'waiting',
  queued: 'active',
  running: 'active',
  completed: 'terminal',
  failed: 'terminal',
  cancelled: 'terminal',
  terminated: 'terminal',
}

/**
 * @param what the noun for the summaries
 * @param result field that `complete` may fill
 * @param attempt fields of the last attempt, emptied by `retry`
 */
export function runTransitions(what: string, result: string, attempt: readonly string[]) {
  return {
    queue: { verb: 'queue', summary: `Put the ${what} into the queue`, from: ['created'], to: 'queued' },
    start: { verb: 'start', summary: `Record that the ${what} runs`, from: ['queued'], to: 'running' },
    complete: {
      verb: 'complete',
      summary: `Record that the ${what} reached its goal`,
      from: ['running'],
      to: 'completed',
      takes: { [result]: 'optional' },
    },
    fail: {
      verb: 'fail',
      summary: `Record that the ${what} failed, and why`,
      from: ['running'],
      to: 'failed',
      takes: { failure_reason: 'required' },
    },
    cancel: {
      verb: 'cancel',
      summary: `Cancel the ${what} as its owner would`,
      from: ['queued', 'running'],
      to: 'cancelled',
      takes: { failure_reason: 'optional' },
      ends: true,
    },
    terminate: {
      verb: 'terminate',
      summary: `Force the ${what} to its end`,
      from: ['queued', 'running'],
      to: 'terminated',
      takes: { failure_reason: 'optional' },
      ends: true,
    },
    retry: {
      verb: 'retry',
      summary: `Put the failed ${what} back into the queue`,
      from: ['failed'],
      to: 'queued',
      clears: attempt,
    },
  } satisfies Readonly<Record<string, Transition<RunStatus>>>
}
