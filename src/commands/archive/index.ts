/** `steward archive`: moving what is over out of the way, and back. */
import type { Group } from '../command.ts'
import { exportCommand } from './export.ts'
import { list } from './list.ts'
import { restore } from './restore.ts'
import { run } from './run.ts'
import { show } from './show.ts'
import { verify } from './verify.ts'

export const archiveGroup: Group = {
  name: 'archive',
  summary: 'Move what is over into archive tables and files, and back',
  description:
    'Moves rows that a retention rule, or an age on the command line, covers, together with all that hangs on them. A batch is one transaction: killed anywhere, every row is either where it was or in the archive.',
  commands: [run, list, show, restore, verify, exportCommand],
}
