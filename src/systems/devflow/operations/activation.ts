/** `agent-config activate` and `deactivate`: one version of each agent of a project is active, or none. */
import type { AssignOperation } from '../../../model/operation.ts'

export const activate: AssignOperation = {
  kind: 'assign',
  name: 'activate',
  summary: 'Have the agent run with this version; the version that was active is so no more',
  when: { is_active: false },
  set: { is_active: true },
  exclusive: { within: ['project_id', 'agent_type', 'agent_name'], resets: { is_active: false } },
  otherwise: 'is already active',
}

export const deactivate: AssignOperation = {
  kind: 'assign',
  name: 'deactivate',
  summary: 'Take the version out of use; the agent then has none',
  when: { is_active: true },
  set: { is_active: false },
  otherwise: 'is already inactive',
  ends: true,
}
