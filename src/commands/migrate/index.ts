/** `steward migrate`. */
import type { Group } from '../command.ts'
import { down } from './down.ts'
import { plan } from './plan.ts'
import { redo } from './redo.ts'
import { status } from './status.ts'
import { up } from './up.ts'

export const migrateGroup: Group = {
  name: 'migrate',
  summary: 'Schema migrations: status, plan, up, down, redo',
  description:
    "Brings the schemas of the database to this version of Steward, Steward's own first. Each migration and its " +
    'record are one transaction; one run at a time migrates a database.',
  commands: [status, plan, up, down, redo],
}
