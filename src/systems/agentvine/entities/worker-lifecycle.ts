/** How workers are (systems/agentvine.md, 2; decision 52). None of it is an end: a worker that was away may come back. */
import { lifecycle } from '../../../model/lifecycle.ts'

export const WORKER_STATUSES = ['idle', 'busy', 'offline', 'error'] as const

export const workerLifecycle = lifecycle({
  field: 'status',
  initial: 'offline',
  states: { idle: 'waiting', busy: 'active', offline: 'waiting', error: 'waiting' },
  endedAt: {},
  kept: ['busy'],
  transitions: [
    {
      verb: 'offline',
      summary: 'Record that the worker is gone: its assignments time out, its orders are tried again or fail',
      from: ['idle', 'busy', 'error'],
      to: 'offline',
      ends: true,
      effects: [{ move: 'timeout', of: { entity: 'assignment', via: 'worker_id', where: { status: 'active' } } }],
    },
    // What a heartbeat says. The database makes busy of idle where the worker still has an assignment.
    { verb: 'come-back', summary: 'Is there again', from: ['offline'], to: 'idle', internal: true },
    { verb: 'recover', summary: 'Is well again', from: ['offline', 'error'], to: 'idle', internal: true },
    {
      verb: 'report-error',
      summary: 'Has an error, and claims nothing until it recovers',
      from: ['idle', 'busy', 'offline'],
      to: 'error',
      internal: true,
    },
  ],
})
