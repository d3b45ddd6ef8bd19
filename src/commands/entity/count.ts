import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { FILTER_HELP, filterInput, rowFlags } from './filter-flags.ts'

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
    flags: rowFlags(entity),
    async run(context, input) {
      const { filterHint, readFilters, requireNamed } = await import('../../crud/filters.ts')
      const { refuseProblems } = await import('../../crud/scope.ts')
      const { countRows } = await import('../../crud/count.ts')
      const { filters, problems } = readFilters(entity, filterInput(entity, input), system)
      for (const name of new Set(context.globals.fields)) {
        if (name === 'count') continue
        problems.push({ where: '--fields', reason: `names '${name}', but count is all there is here` })
      }
      refuseProblems(problems, filterHint(entity, problems))
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      await requireNamed(db, scope, filters)
      return countRows(db, scope, filters)
    },
    view: (count) => ({
      shape: 'record',
      columns: [{ key: 'count', kind: 'bigint', unit: 'count', label: spoken(entity.plural) }],
      row: { count },
    }),
  })
}
