/** `action reorder`: rows of a series get new places. */
import type { Reordered } from '../../crud/reorder.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { ReorderOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { integer, toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

export function reorderCommand(system: System, entity: Entity, operation: ReorderOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const { numbers, from } = operation
  const noun = spoken(entity.plural)
  const within = (entity.fields[numbers]?.numberedWithin ?? []).join(' and ')
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `The named ${noun} come one after the other, in the order in which they are named, beginning at --to; the others` +
      ` with the same ${within} keep their order. The series is numbered without gaps from ${from} afterwards.`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: `To the first place` },
      { command: `${words} ${exampleId(entity)} --to ${from + 2} --dry-run`, does: 'What would change' },
      { command: `${words} ${exampleId(entity)} ${exampleId(entity, 19)}`, does: 'These two first, in this order' },
    ],
    effect: 'write',
    args: { id: variadicArgument(`ids of the ${noun}, in their new order`, { required: true }) },
    flags: {
      to: integer('<n>', `${numbers} of the first of them (default ${from})`, { min: from }),
      dryRun: toggle('show the new order, write nothing'),
    },
    async run(context, input): Promise<Reordered> {
      const { resolveIds } = await import('../../crud/ids.ts')
      const { reorderRows } = await import('../../crud/reorder.ts')
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const ids = await resolveIds(db, scope, input.id)
      const result = await reorderRows(db, scope, operation, ids, {
        to: input.to,
        actor: actorOf(context),
        dryRun: input.dryRun,
      })
      if (result.changed === 0) context.ui.note('They are in this order already; nothing changed.')
      else if (input.dryRun) context.ui.note('Nothing was written: this is what would be.')
      return result
    },
    view: ({ series }) => {
      const columns: Column[] = [
        { key: 'before', kind: 'integer' },
        { key: 'after', kind: 'integer' },
        ...entityColumns(entity).filter(({ key }) => key !== numbers),
      ]
      const shown = ['before', 'after', ...entity.list.columns.filter((key) => key !== numbers)]
      const rows = series.map(({ before, after }) => ({ ...after, before: before[numbers], after: after[numbers] }))
      return { shape: 'table', columns, shown, rows }
    },
  })
}
