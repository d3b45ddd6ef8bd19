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
      const { filterHint, readFilters } = await import('../../crud/filters.ts')
      const { refuseProblems } = await import('../../crud/scope.ts')
      const { countRows } = await import('../../crud/count.ts')
      const { filters, problems } = readFilters(entity, filterInput(entity, input))
      for (const name of new Set(context.globals.fields)) {
        if (name === 'count') continue
        problems.push({ where: '--fields', reason: `names '${name}', but count is all there is here` })
      }
      refuseProblems(problems, filterHint(entity, problems))
      return countRows(await context.db(), await entityScope(context, system, entity), filters)
    },
    view: (count) => ({
      shape: 'record',
      columns: [{ key: 'count', kind: 'bigint', unit: 'count', label: spoken(entity.plural) }],
      row: { count },
    }),
  })
}
