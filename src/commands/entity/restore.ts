import type { Moved } from '../../crud/audited.ts'
import type { Change } from '../../crud/changes.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRow, changedRows } from './changed-view.ts'
import { noteConsequences } from './consequence-view.ts'
import { entityScope, exampleId, idWords, spoken, wordsOf } from './entity-scope.ts'

interface Restored {
  readonly moved: readonly Moved[]
  /** Of the only row. */
  readonly changes: readonly Change[]
}

/** `workflow restore`: takes the mark of deletion off, or takes the lifecycle's own `restore`. */
export function restoreCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'restore')
  const noun = spoken(entity.name)
  const transition = entity.lifecycle?.transitions.find(({ verb }) => verb === 'restore')
  const also = transition
    ? ` One that is not deleted but ${transition.from.join(' or ')} becomes ${transition.to}.`
    : ''
  return defineCommand({
    name: 'restore',
    summary: `Bring back deleted ${spoken(entity.plural)}${transition ? `, or ${transition.from.join(' or ')} ones` : ''}`,
    description: `Brings back ${spoken(entity.plural)} that were deleted, all that are named or none.${also}`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: `As the ${noun} was before` },
      { command: `${wordsOf(system, entity, 'list')} --deleted`, does: 'Which ones there are' },
    ],
    effect: 'write',
    args: { id: variadicArgument(idWords(system, entity, 'several'), { required: true }) },
    flags: { dryRun: toggle('check and show the change, write nothing') },
    async run(context, input): Promise<Restored> {
      const { changesBetween } = await import('../../crud/changes.ts')
      const { Tally } = await import('../../crud/consequences.ts')
      const { resolveIds } = await import('../../crud/ids.ts')
      const { restoreRows } = await import('../../crud/restore.ts')
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const tally = new Tally()
      const moved = await restoreRows(db, scope, await resolveIds(db, scope, input.id), {
        actor: actorOf(context),
        dryRun: input.dryRun,
        tally,
      })
      noteConsequences(context, tally.list())
      if (input.dryRun) context.ui.note('Nothing was written: this is what would change.')
      const [only] = moved
      return { moved, changes: only ? changesBetween(entity, only.before, only.after) : [] }
    },
    view: ({ moved, changes }, _input, context) => {
      const [only] = moved
      if (moved.length === 1 && only) return changedRow(entity, only.after, changes, context)
      return changedRows(
        entity,
        moved.map(({ after }) => after),
      )
    },
  })
}
