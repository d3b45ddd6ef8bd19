/** `worker heartbeat` (decision 52): a worker says that it is there. One that is silent for 90 s is reaped. */
import { oneOf } from '../../../model/field.ts'
import type { AssignOperation } from '../../../model/operation.ts'

const self = { self: true } as const

export const heartbeat: AssignOperation = {
  kind: 'assign',
  name: 'heartbeat',
  summary: 'Record that the worker is there; one that was offline is idle again',
  when: {},
  set: {},
  stamps: ['last_heartbeat_at'],
  takes: { version: 'optional' },
  inputs: {
    status: oneOf(['idle', 'error'], { summary: 'how it is, when that is to change', nullable: true }),
  },
  effects: [
    { move: 'come-back', of: self, when: { given: 'status', isOneOf: [null] } },
    { move: 'recover', of: self, when: { given: 'status', isOneOf: ['idle'] } },
    { move: 'report-error', of: self, when: { given: 'status', isOneOf: ['error'] } },
  ],
  otherwise: 'cannot send a heartbeat',
}
