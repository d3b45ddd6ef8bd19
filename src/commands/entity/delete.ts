import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineDestroyCommand } from '../command.ts'
import { variadicArgument } from '../flags.ts'
import { markCommand } from './delete-mark.ts'
import { applyRemoval, planRemoval, removalAction, removalView, removedView } from './delete-removal.ts'
import { exampleId, idWords, spoken, wordsOf } from './entity-scope.ts'

/** `steward <system> <entity> delete`. */
export function deleteCommand(system: System, entity: Entity): Command {
  return entity.softDelete ? markCommand(system, entity) : removeCommand(system, entity)
}

function removeCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'delete')
  return defineDestroyCommand({
    name: 'delete',
    aliases: ['rm'],
    summary: `Delete ${spoken(entity.plural)} with everything that depends on them`,
    description:
      `Shows every row that goes along, table by table, what is detached and which files become due for deletion; ` +
      `then deletes exactly that, or nothing when more has been added meanwhile.`,
    examples: [
      { command: `${words} ${exampleId(entity)} --dry-run`, does: 'What it would take along' },
      { command: `${words} ${exampleId(entity)} --yes`, does: 'Without a question, outside production' },
    ],
    args: { id: variadicArgument(idWords(system, entity, 'several'), { required: true }) },
    plan: (context, input) => planRemoval(context, system, entity, input.id),
    planView: (plan) => removalView(plan, spoken(entity.name)),
    action: (plan) => removalAction(entity, 'Delete', plan),
    apply: (context, _input, plan) => applyRemoval(context, system, entity, plan),
    view: removedView,
  })
}
