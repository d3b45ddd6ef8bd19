/** Rules over several rows that hold at creation. */
import type { CreationRule } from '../../../model/entity.ts'

/** Executions begin while their workflow is active. */
export const activeWorkflow: CreationRule = {
  via: 'workflow_id',
  lock: 'share',
  refuses: ({ status }) => (status === 'active' ? undefined : `is not active (${String(status)})`),
}

/** An integration that is disabled takes no events. */
export const enabledIntegration: CreationRule = {
  via: 'integration_id',
  lock: 'share',
  refuses: ({ enabled }) => (enabled === true ? undefined : 'is not enabled'),
}
