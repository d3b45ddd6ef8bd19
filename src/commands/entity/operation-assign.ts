import type { Change } from '../../crud/changes.ts'
import type { Consequence } from '../../crud/consequences.ts'
import type { Values } from '../../crud/input.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { AssignOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineDestroyCommand } from '../command.ts'
import { variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRow, changedRows } from './changed-view.ts'
import { consequenceSections, noteConsequences } from './consequence-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { readTaken, takenExample, takenFlags } from './operation-input.ts'
import { plannedRows, sentence } from './transition-view.ts'

interface Planned {
  readonly ids: readonly string[]
  readonly given: Values
  readonly rows: readonly Cells[]
  readonly consequences: readonly Consequence[]
}

interface Done {
  readonly rows: readonly { readonly before: Cells; readonly after: Cells }[]
  readonly changes: readonly Change[]
}

/** `organization deactivate`, `api-key revoke`, `worker heartbeat`: the operation on named rows, all or none. */
export function assignCommand(system: System, entity: Entity, operation: AssignOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const required = takenExample(entity, operation)
  const ends = operation.ends ?? false
  const reaches = (operation.effects ?? []).length > 0 || operation.exclusive !== undefined
  return defineDestroyCommand({
    name: operation.name,
    summary: operation.summary,
    examples: [
      { command: `${words} ${exampleId(entity)}${required}${ends ? ' --yes' : ''}`, does: operation.summary },
      {
        command: `${words} ${exampleId(entity)} ${exampleId(entity, 19)}${required} --dry-run`,
        does: 'Whether it could, for several',
      },
    ],
    args: { id: variadicArgument(`ids of the ${spoken(entity.plural)}`, { required: true }) },
    flags: takenFlags(entity, operation),
    // What takes nothing from anyone goes through without a question.
    asks: () => ends,
    async plan(context, input): Promise<Planned> {
      const { assignRows, checkAssign } = await import('../../crud/assign.ts')
      const { resolveIds } = await import('../../crud/ids.ts')
      const { refuseInput } = await import('../../crud/input.ts')
      const db = await context.db()
      const scope = await scopeIn(context)
      // The rows first: nobody is asked for anything, and for no secret, when they cannot have it.
      const ids = await resolveIds(db, scope, input.id)
      const rows = await checkAssign(db, scope, operation, ids)
      const { values: given, problems } = await readTaken(context, entity, operation, input)
      refuseInput(entity, operation.name, problems)
      const asked = ends || dryRunIn(input)
      const rehearsed =
        asked && reaches
          ? await assignRows(db, scope, operation, ids, { actor: actorOf(context), given, dryRun: true })
          : undefined
      return { ids, given, rows, consequences: rehearsed?.consequences ?? [] }
    },
    planView: ({ rows, consequences }) => plannedRows(entity, rows, consequenceSections(consequences)),
    action: ({ rows }) => {
      const [only] = rows
      const named =
        rows.length === 1 && only
          ? `${spoken(entity.name)} ${String(only[entity.primaryKey])}`
          : `${rows.length} ${spoken(entity.plural)}`
      return `${sentence(operation.name)} ${named}`
    },
    async apply(context, _input, { ids, given }): Promise<Done> {
      const { assignRows } = await import('../../crud/assign.ts')
      const { changesBetween } = await import('../../crud/changes.ts')
      const { moved, consequences } = await assignRows(await context.db(), await scopeIn(context), operation, ids, {
        actor: actorOf(context),
        given,
      })
      noteConsequences(context, consequences)
      const [only] = moved
      return { rows: moved, changes: only ? changesBetween(entity, only.before, only.after) : [] }
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

  function scopeIn(context: Context) {
    return entityScope(context, system, entity)
  }
}

/** The mount layer adds `--dry-run` to every destroy command, after its own flags. */
function dryRunIn(input: object): boolean {
  return 'dryRun' in input && input.dryRun === true
}
