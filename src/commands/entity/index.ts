/** The commands of one entity: the verbs its declaration allows, and its operations. */
import type { Entity, Verb } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Command, Group } from '../command.ts'
import { sayingWho } from './acting.ts'
import { countCommand } from './count.ts'
import { createCommand } from './create.ts'
import { deleteCommand } from './delete.ts'
import { exportCommand } from './export.ts'
import { getCommand } from './get.ts'
import { importCommand } from './import.ts'
import { listCommand } from './list.ts'
import { operationCommands } from './operation.ts'
import { restoreCommand } from './restore.ts'
import { searchCommand } from './search.ts'
import { updateCommand } from './update.ts'

/** The group `steward <system> <entity>`. */
export function entityGroup(system: System, entity: Entity): Group {
  return {
    name: entity.name,
    aliases: [...new Set([entity.plural, ...entity.aliases.flatMap((alias) => [alias, `${alias}s`])])].filter(
      (name) => name !== entity.name,
    ),
    summary: entity.summary,
    // Made when the command line names the entity: help for one need not make the commands of all.
    get commands() {
      const verbs = verbsOf(system, entity)
      return system.actorSetting === undefined ? verbs : sayingWho(verbs, system.actorSetting)
    },
  }
}

function verbsOf(system: System, entity: Entity): (Command | Group)[] {
  const allowed = (verb: Verb) => entity.verbs.includes(verb)
  return [
    ...(allowed('list') ? [listCommand(system, entity)] : []),
    ...(entity.fullText ? [searchCommand(system, entity)] : []),
    ...(allowed('get') ? [getCommand(system, entity)] : []),
    ...(allowed('create') ? [createCommand(system, entity)] : []),
    ...(allowed('update') ? [updateCommand(system, entity)] : []),
    ...(allowed('delete') ? [deleteCommand(system, entity)] : []),
    ...(entity.softDelete ? [restoreCommand(system, entity)] : []),
    ...operationCommands(system, entity),
    ...(allowed('count') ? [countCommand(system, entity)] : []),
    ...(allowed('export') ? [exportCommand(system, entity)] : []),
    // A secret is shown once, and an import shows no rows.
    ...(allowed('import') && !entity.issues ? [importCommand(system, entity)] : []),
  ]
}
