import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { AssignOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineDestroyCommand } from '../command.ts'
import { variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRow, changedRows } from './changed-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

interface Assigned {
  readonly rows: readonly { readonly before: Cells; readonly after: Cells }[]
  readonly changes: readonly import('../../crud/changes.ts').Change[]
}

/** `organization deactivate`, `api-key revoke`: the operation on named rows, all or none. */
export function assignCommand(system: System, entity: Entity, operation: AssignOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const ends = operation.ends ?? false
  return defineDestroyCommand({
    name: operation.name,
    summary: operation.summary,
    examples: [
      { command: `${words} ${exampleId(entity)}${ends ? ' --yes' : ''}`, does: operation.summary },
      {
        command: `${words} ${exampleId(entity)} ${exampleId(entity, 19)} --dry-run`,
        does: 'Whether it could, for several',
      },
    ],
    args: { id: variadicArgument(`ids of the ${spoken(entity.plural)}`, { required: true }) },
    // What takes nothing from anyone goes through without a question.
    asks: () => ends,
    async plan(context, input) {
      const { checkAssign } = await import('../../crud/assign.ts')
      return checkAssign(await context.db(), await scope(context), operation, input.id)
    },
    planView: (rows) => changedRows(entity, rows),
    action: (rows) => {
      const [only] = rows
      const named =
        rows.length === 1 && only
          ? `${spoken(entity.name)} ${String(only[entity.primaryKey])}`
          : `${rows.length} ${spoken(entity.plural)}`
      return `${sentence(operation.name)} ${named}`
    },
    async apply(context, input): Promise<Assigned> {
      const { assignRows } = await import('../../crud/assign.ts')
      const { changesBetween } = await import('../../crud/changes.ts')
      const rows = await assignRows(await context.db(), await scope(context), operation, input.id, {
        actor: actorOf(context),
      })
      const [only] = rows
      return { rows, changes: only ? changesBetween(entity, only.before, only.after) : [] }
    },
    view: ({ rows, changes }, _input, context) => {
      const [only] = rows
      return rows.length === 1 && only
        ? changedRow(entity, only.after, changes, context)
        : changedRows(
            entity,
            rows.map(({ after }) => after),
          )
    },
  })

  function scope(context: Context) {
    return entityScope(context, system, entity)
  }
}

function sentence(verb: string): string {
  return verb.charAt(0).toUpperCase() + verb.slice(1)
}
