/**
 * `task progress`: how far a task is (systems/agensium.md, "Task Model"). The document asks for 0 to 100 and no more, so
 * progress may go back, as it does when an agent starts again; 100 does not end the task, `complete` does.
 */
import type { AssignOperation } from '../../../model/operation.ts'

export const progress: AssignOperation = {
  kind: 'assign',
  name: 'progress',
  summary: 'Record how far the task is, and which agent works on it',
  when: { status: 'PROCESSING' },
  set: {},
  takes: { progress: 'required', current_agent: 'optional' },
  otherwise: 'is not being processed',
}
