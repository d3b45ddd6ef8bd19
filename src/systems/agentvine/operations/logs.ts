/** `execution logs`: what an execution logged, and with `--follow` what it goes on to log. */
import type { LogsOperation } from '../../../model/operation.ts'

export const logs: LogsOperation = {
  kind: 'logs',
  name: 'logs',
  summary: 'Show what the execution logged',
  entity: 'execution-log',
  via: 'execution_id',
  level: 'level',
  message: 'message',
  time: 'logged_at',
}
