/** `steward artifacts`: files in stores, and the rows that stand for them. */
import type { Group } from '../command.ts'
import { clean } from './clean.ts'
import { undo } from './undo.ts'
import { verify } from './verify.ts'

export const artifactsGroup: Group = {
  name: 'artifacts',
  summary: 'Delete files that are due, compare stores with the database',
  description:
    'Looks after the files in the stores of the profile: deletes what is due, finds files without rows and rows without files, and brings back what it moved to the quarantine.',
  commands: [clean, verify, undo],
}
