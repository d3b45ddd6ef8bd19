/** The operations of an entity as commands: its lifecycle's transitions, and what it declares beyond. */
import type { Entity } from '../../model/entity.ts'
import type { Operation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Group, isGroup } from '../command.ts'
import { claimCommand } from './claim.ts'
import { article, spoken } from './entity-scope.ts'
import { graphCommands } from './graph.ts'
import { logsCommand } from './logs.ts'
import { assignCommand } from './operation-assign.ts'
import { copyCommand } from './operation-copy.ts'
import { transitionsOf } from './operation-names.ts'
import { postCommand } from './post.ts'
import { reconcileCommand } from './reconcile.ts'
import { reorderCommand } from './reorder.ts'
import { replayCommand } from './replay.ts'
import { rotateCommand } from './rotate.ts'
import { sweepCommand } from './sweep.ts'
import { threadCommand } from './thread.ts'
import { transitionCommand } from './transition.ts'
import { versionsCommand } from './versions.ts'

export function operationCommands(system: System, entity: Entity): (Command | Group)[] {
  const own = entity.operations.map((operation) => ({
    words: operation.name.split(' '),
    command: commandOf(system, entity, operation),
  }))
  return [
    ...transitionsOf(entity).map((declared) =>
      (declared.claims ? claimCommand : transitionCommand)(system, entity, declared),
    ),
    ...grouped(entity, own),
    ...graphCommands(system, entity),
  ]
}

interface Named {
  readonly words: readonly string[]
  readonly command: Command
}

/** `credentials set` and `credentials rotate` become the group `credentials` with the verbs `set` and `rotate`. */
function grouped(entity: Entity, operations: readonly Named[]): (Command | Group)[] {
  const found: (Command | Group)[] = []
  for (const { words, command } of operations) {
    const [first = command.name, ...rest] = words
    if (rest.length === 0) {
      found.push(command)
      continue
    }
    const verb: Command = { ...command, name: rest.join('-') }
    const at = found.findIndex((entry) => isGroup(entry) && entry.name === first)
    const group = found[at]
    const before = group && isGroup(group) ? group.commands : []
    const commands = [...before, verb]
    const verbs = commands.map(({ name }) => name).join(', ')
    const made: Group = {
      name: first,
      summary: `The ${first} of ${article(entity.name)} ${spoken(entity.name)}: ${verbs}`,
      commands,
    }
    found.splice(at < 0 ? found.length : at, at < 0 ? 0 : 1, made)
  }
  return found
}

function commandOf(system: System, entity: Entity, operation: Operation): Command {
  switch (operation.kind) {
    case 'assign':
      return assignCommand(system, entity, operation)
    case 'copy':
      return copyCommand(system, entity, operation)
    case 'reorder':
      return reorderCommand(system, entity, operation)
    case 'sweep':
      return sweepCommand(system, entity, operation)
    case 'post':
      return postCommand(system, entity, operation)
    case 'reconcile':
      return reconcileCommand(system, entity, operation)
    case 'replay':
      return replayCommand(system, entity, operation)
    case 'rotate':
      return rotateCommand(system, entity, operation)
    case 'logs':
      return logsCommand(system, entity, operation)
    case 'thread':
      return threadCommand(system, entity, operation)
    case 'versions':
      return versionsCommand(system, entity, operation)
  }
}
