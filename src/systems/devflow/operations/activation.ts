/** `agent-config activate` and `deactivate`: one version of each agent of a project is active, or none. */
import type { AssignOperation } from '../../../model/operation.ts'
import { switching } from '../../../model/ready-made.ts'

const [on, off] = switching(
  'is_active',
  {
    name: 'activate',
    summary: 'Have the agent run with this version; the version that was active is so no more',
    already: 'active',
  },
  {
    name: 'deactivate',
    summary: 'Take the version out of use; the agent then has none',
    already: 'inactive',
  },
)

export const activate: AssignOperation = {
  ...on,
  exclusive: { within: ['project_id', 'agent_type', 'agent_name'], resets: { is_active: false } },
}

export const deactivate = off
