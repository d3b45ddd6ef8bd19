/** The operations of an entity as commands: its lifecycle's transitions, and what it declares beyond. */
import type { Entity } from '../../model/entity.ts'
import type { Operation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import type { Command } from '../command.ts'
import { assignCommand } from './operation-assign.ts'
import { copyCommand } from './operation-copy.ts'
import { transitionCommand } from './transition.ts'

export function operationCommands(system: System, entity: Entity): Command[] {
  return [
    ...(entity.lifecycle?.transitions ?? [])
      .filter(({ internal }) => !internal)
      .map((transition) => transitionCommand(system, entity, transition)),
    ...entity.operations.flatMap((operation) => commandOf(system, entity, operation)),
  ]
}

function commandOf(system: System, entity: Entity, operation: Operation): Command[] {
  switch (operation.kind) {
    case 'assign':
      return [assignCommand(system, entity, operation)]
    case 'copy':
      return [copyCommand(system, entity, operation)]
    default:
      return []
  }
}
