/** The commands of one system: a group for each entity, and its reports. */
import type { System } from '../model/system.ts'
import type { Group } from './command.ts'
import { entityGroup } from './entity/index.ts'
import { reportGroup } from './report/index.ts'

export function systemGroup(system: System): Group {
  return {
    name: system.name,
    summary: system.summary,
    description: `${system.title}: ${system.summary}.`,
    commands: [...system.entities.map((entity) => entityGroup(system, entity)), reportGroup(system)],
  }
}
