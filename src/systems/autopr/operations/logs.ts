/** `execution logs`: what an execution logged, by level, since a time, and on as it goes. */
import type { LogsOperation } from '../../../model/operation.ts'

export const logs: LogsOperation = {
  kind: 'logs',
  name: 'logs',
  summary: 'Show the log of the execution',
  entity: 'execution-log',
  via: 'execution_id',
  level: 'level',
  message: 'message',
  time: 'created_at',
  beside: 'step_name',
}
