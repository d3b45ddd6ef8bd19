/** `agent-config record-health`: what the last check of the agent found, and when that was. */
import type { AssignOperation } from '../../../model/operation.ts'

export const recordHealth: AssignOperation = {
  kind: 'assign',
  name: 'record-health',
  summary: 'Record what a health check of the agent found, as of now',
  when: {},
  set: {},
  takes: { health_status: 'required' },
  stamps: ['last_health_check'],
  otherwise: 'cannot be checked',
}
