/** `task logs`, `step logs`, `workflow-run logs` (decision 9): what the platform logged about one row. */
import type { LogsOperation } from '../../../model/operation.ts'

/**
 * @param noun what logs
 * @param entity of the log lines
 * @param via its field that names the row
 */
export const logs = (noun: string, entity: string, via: string): LogsOperation => ({
  kind: 'logs',
  name: 'logs',
  summary: `Show what the ${noun} logged`,
  entity,
  via,
  level: 'level',
  message: 'message',
  time: 'created_at',
})
