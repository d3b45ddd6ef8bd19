/** `task assign`: gives a task that has not ended to a kind of agent, or to another one. */
import type { AssignOperation } from '../../../model/operation.ts'

export const assign: AssignOperation = {
  kind: 'assign',
  name: 'assign',
  summary: 'Give the task to a kind of agent',
  when: { status: ['pending', 'in_progress', 'validation'] },
  set: {},
  takes: { assigned_agent: 'required' },
  stamps: ['assigned_at'],
  otherwise: 'has ended',
}
