/** The operations of an entity as commands: its lifecycle's transitions, and what it declares beyond. */
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Command } from '../command.ts'
import { assignCommand } from './operation-assign.ts'
import { copyCommand } from './operation-copy.ts'
import { transitionCommand } from './transition.ts'

export function operationCommands(system: System, entity: Entity): Command[] {
  return [
    ...(entity.lifecycle?.transitions ?? []).map((transition) => transitionCommand(system, entity, transition)),
    ...entity.operations.map((operation) =>
      operation.kind === 'assign' ? assignCommand(system, entity, operation) : copyCommand(system, entity, operation),
    ),
  ]
}
