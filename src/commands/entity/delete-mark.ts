import type { Consequence } from '../../crud/consequences.ts'
import type { Deleted } from '../../crud/delete.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineDestroyCommand } from '../command.ts'
import { toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRows } from './changed-view.ts'
import { consequenceSections, noteConsequences } from './consequence-view.ts'
import { applyRemoval, planRemoval, type Removal, removalAction, removalView, removedView } from './delete-removal.ts'
import { entityScope, exampleId, idWords, spoken, wordsOf } from './entity-scope.ts'
import { plannedRows } from './transition-view.ts'

type Planned =
  | { readonly mode: 'mark'; readonly rows: readonly Cells[]; readonly consequences: readonly Consequence[] }
  | { readonly mode: 'purge'; readonly removal: Removal }
type Done =
  | { readonly mode: 'mark'; readonly rows: readonly Cells[] }
  | { readonly mode: 'purge'; readonly deleted: Deleted }

/** `delete` of rows that are marked and stay (model, `SoftDelete`); `--purge` removes them for good. */
export function markCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'delete')
  const only = (entity.softDelete?.only ?? []).map(({ says }) => says)
  return defineDestroyCommand({
    name: 'delete',
    aliases: ['rm'],
    summary: `Delete ${spoken(entity.plural)}; restore brings them back`,
    description:
      `Marks ${spoken(entity.plural)} as deleted: they are hidden unless --deleted asks for them, nothing changes them ` +
      `and nothing new may refer to them, until restore brings them back.` +
      (only.length === 0 ? '' : ` Refused if ${only.join(', or if ')}.`) +
      ` With --purge they are removed for good, with everything that depends on them.`,
    examples: [
      { command: `${words} ${exampleId(entity)} --yes`, does: 'Hides it, without a question outside production' },
      { command: `${words} ${exampleId(entity)} --purge --dry-run`, does: 'What removing it would take along' },
    ],
    args: { id: variadicArgument(idWords(system, entity, 'several'), { required: true }) },
    flags: { purge: toggle('remove the rows for good, with everything that depends on them') },
    async plan(context, input): Promise<Planned> {
      if (input.purge) return { mode: 'purge', removal: await planRemoval(context, system, entity, input.id) }
      const { resolveIds } = await import('../../crud/ids.ts')
      const { markDeleted, planMark } = await import('../../crud/soft-delete.ts')
      const { Tally } = await import('../../crud/consequences.ts')
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const ids = await resolveIds(db, scope, input.id)
      const rows = await planMark(db, scope, ids)
      const tally = new Tally()
      await markDeleted(db, scope, ids, { actor: actorOf(context), dryRun: true, tally })
      return { mode: 'mark', rows, consequences: tally.list() }
    },
    planView: (planned) =>
      planned.mode === 'purge'
        ? removalView(planned.removal, spoken(entity.name))
        : {
            ...plannedRows(entity, planned.rows, consequenceSections(planned.consequences)),
            title: 'Hidden from now on, and kept',
          },
    action: (planned) => {
      if (planned.mode === 'purge') return removalAction(entity, 'Remove for good', planned.removal)
      const [only] = planned.rows
      return planned.rows.length === 1 && only
        ? `Delete ${spoken(entity.name)} ${String(only[entity.primaryKey])}`
        : `Delete ${planned.rows.length} ${spoken(entity.plural)}`
    },
    async apply(context, _input, planned): Promise<Done> {
      if (planned.mode === 'purge') {
        return { mode: 'purge', deleted: await applyRemoval(context, system, entity, planned.removal) }
      }
      const { markDeleted } = await import('../../crud/soft-delete.ts')
      const { Tally } = await import('../../crud/consequences.ts')
      const ids = planned.rows.map((row) => String(row[entity.primaryKey]))
      const scope = await entityScope(context, system, entity)
      const tally = new Tally()
      const marked = await markDeleted(await context.db(), scope, ids, { actor: actorOf(context), tally })
      noteConsequences(context, tally.list())
      context.ui.note(`steward ${wordsOf(system, entity, 'restore')} ${ids.join(' ')} brings back what was deleted.`)
      return { mode: 'mark', rows: marked.map(({ after }) => after) }
    },
    view: (done) => (done.mode === 'purge' ? removedView(done.deleted) : changedRows(entity, done.rows)),
  })
}
