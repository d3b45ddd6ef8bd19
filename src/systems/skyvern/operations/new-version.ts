/** `workflow new-version` (decision 18): editing a definition makes the next version of the same workflow. */
import type { CopyOperation } from '../../../model/operation.ts'

export const newVersion: CopyOperation = {
  kind: 'copy',
  name: 'new-version',
  summary: 'Make the next version of the workflow with a new definition',
  numbers: 'version',
  takes: ['workflow_definition', 'parameter_schema', 'title', 'description'],
  resets: { is_active: true },
  retires: { is_active: false },
}
