/** Which words of an entity its operations take on the command line. */
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'

/** Names of operations, so that no verb has one of them as an alias. */
export function operationNames(entity: Entity): string[] {
  return [
    ...transitionsOf(entity).map(({ verb }) => verb),
    ...entity.operations.map(({ name }) => name.split(' ')[0] ?? name),
    ...(entity.graph ? ['add', 'remove', 'graph'] : []),
  ]
}

/** Those that have a command of their own: restoring belongs to soft deletion where an entity has it. */
export function transitionsOf({ lifecycle, softDelete }: Entity): readonly Transition[] {
  return (lifecycle?.transitions ?? []).filter(
    ({ internal, verb }) => !internal && !(softDelete && verb === 'restore'),
  )
}
