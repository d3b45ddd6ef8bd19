/** `agent-config new-version`: a configuration that is in use is never edited in place of its successor. */
import type { CopyOperation } from '../../../model/operation.ts'

export const newVersion: CopyOperation = {
  kind: 'copy',
  name: 'new-version',
  summary: 'Make the next version of the configuration, not active yet',
  numbers: 'version',
  takes: ['configuration', 'capabilities', 'constraints'],
  leaves: ['last_health_check'],
  resets: { is_active: false, health_status: 'unknown' },
}
