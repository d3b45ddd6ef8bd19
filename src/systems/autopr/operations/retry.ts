/** `execution retry`: a new execution of the same, waiting, with the old one as its parent. */
import type { CopyOperation } from '../../../model/operation.ts'

export const retry: CopyOperation = {
  kind: 'copy',
  name: 'retry',
  summary: 'Execute again what did not succeed, as a new execution',
  links: 'parent_execution_id',
  when: { status: ['failed', 'timeout', 'cancelled'] },
  otherwise: 'can be retried once it failed, timed out or was cancelled',
  increments: ['retry_count'],
  takes: ['trigger_data'],
  leaves: ['execution_id', 'result', 'error_message'],
  resets: { status: 'pending' },
}
