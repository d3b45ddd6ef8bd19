import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { FILTER_HELP, filterFlags, filterInput } from './filter-flags.ts'

/** `steward <system> <entity> count`. */
export function countCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'count')
  return defineCommand({
    name: 'count',
    summary: `Count ${spoken(entity.plural)} exactly`,
    description: `Counts ${spoken(entity.plural)}, all or those that meet the filters. ${FILTER_HELP}`,
    examples: [
      { command: words, does: 'How many there are' },
      ...(entity.list.time === undefined
        ? []
        : [{ command: `${words} --since 2026-11-01 --until 2026-12-01`, does: 'How many of November' }]),
    ],
    effect: 'read',
    flags: filterFlags(entity),
    async run(context, input) {
      const { filtersFrom } = await import('../../crud/filters.ts')
      const { countRows } = await import('../../crud/count.ts')
      const filters = filtersFrom(entity, filterInput(entity, input))
      return countRows(await context.db(), await entityScope(context, system, entity), filters)
    },
    view: (count) => ({
      shape: 'record',
      columns: [{ key: 'count', kind: 'bigint', unit: 'count', label: spoken(entity.plural) }],
      row: { count },
    }),
  })
}
