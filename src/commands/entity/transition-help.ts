/** What a transition says about itself in help. */
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import type { Example } from '../command.ts'
import { exampleId, spoken, wordsOf } from './entity-scope.ts'
import { exampleFlags } from './field-flags.ts'
import { FILTER_HELP } from './filter-flags.ts'
import { takenExample } from './operation-input.ts'

export function describe(entity: Entity, declared: Transition, byFilter: boolean): string {
  const field = entity.lifecycle?.field ?? 'state'
  const { instead } = declared
  const otherwise = instead
    ? `, or ${instead.to} as long as ${instead.when.field} is below ${instead.when.isBelow}`
    : ''
  const effect = `${declared.summary}: ${field} ${declared.from.join(' or ')} becomes ${declared.to}${otherwise}.`
  if (declared.creates) return `${effect} Without an id the ${spoken(entity.name)} is created first.`
  if (!byFilter) return effect
  return `${effect} By id, or for all that match filters: then the plan is shown and confirmed. ${FILTER_HELP}`
}

export function examples(
  system: System,
  entity: Entity,
  declared: Transition,
  byFilter: boolean,
): [Example, ...Example[]] {
  const words = wordsOf(system, entity, declared.verb)
  const required = takenExample(entity, declared)
  const field = entity.lifecycle?.field.replaceAll('_', '-') ?? 'status'
  const period = entity.list.time === undefined ? '' : ' --until 7d'
  return [
    { command: `${words} ${exampleId(entity)}${required}`, does: declared.summary },
    ...(byFilter
      ? [
          {
            command: `${words} --${field} ${declared.from[0] ?? ''}${period} --max-rows 100${required}`,
            does: 'Many at once: shows the plan and asks',
          },
        ]
      : []),
    ...(declared.creates
      ? [{ command: [words, ...exampleFlags(system, entity)].join(' '), does: 'Creates it first' }]
      : []),
  ]
}
