/** `worker drain` and `worker resume`: taking a worker out of the queue without losing what it does. */
import type { AssignOperation } from '../../../model/operation.ts'

export const drain: AssignOperation = {
  kind: 'assign',
  name: 'drain',
  summary: 'Let the worker finish what it has and claim nothing more',
  when: { draining_at: null },
  set: {},
  stamps: ['draining_at'],
  otherwise: 'is draining already',
}

export const resume: AssignOperation = {
  kind: 'assign',
  name: 'resume',
  summary: 'Let the worker claim orders again',
  when: {},
  unless: { draining_at: null },
  set: {},
  clears: ['draining_at'],
  otherwise: 'is not draining',
}
