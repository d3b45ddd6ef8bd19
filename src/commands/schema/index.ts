/** `steward schema`. */
import type { Group } from '../command.ts'
import { diff } from './diff.ts'

export const schemaGroup: Group = {
  name: 'schema',
  summary: 'What the schemas hold against what Steward declares',
  commands: [diff],
}
