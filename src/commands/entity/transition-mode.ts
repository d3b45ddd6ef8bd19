/** Which rows a transition is about: named by id, chosen by filters, or one that is created first. */
import { UsageError } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import type { ParsedInput } from '../command.ts'
import { article, spoken, wordsOf } from './entity-scope.ts'
import { givenFields } from './field-flags.ts'
import { hasFilter } from './filter-flags.ts'
import { withoutTaken } from './operation-input.ts'

export type Mode = 'ids' | 'bulk' | 'create'

/** Whether the transition may be about all rows that match filters. */
export function goesByFilter(entity: Entity, declared: Transition): boolean {
  return entity.verbs.includes('bulk') && declared.creates === undefined
}

export function modeOf(entity: Entity, declared: Transition, input: ParsedInput): Mode {
  if (Array.isArray(input.id) && input.id.length > 0) return 'ids'
  if (declared.creates) return 'create'
  const chosen = goesByFilter(entity, declared) && hasFilter(entity, withoutTaken(input, declared))
  return chosen ? 'bulk' : 'ids'
}

/** Refuses a command line that names no row, or says in two ways which. @throws UsageError (exit 2) */
export function requireOne(system: System, entity: Entity, declared: Transition, input: ParsedInput): void {
  const ids = Array.isArray(input.id) ? input.id.length : 0
  const byFilter = goesByFilter(entity, declared)
  const words = wordsOf(system, entity, declared.verb)
  if (modeOf(entity, declared, input) === 'ids' && ids === 0) {
    throw new UsageError({
      code: 'nothing-named',
      message: `No ${spoken(entity.name)} is named`,
      hint: `steward ${words} <id>…${byFilter ? `, or filters such as --${entity.lifecycle?.field ?? 'status'} ${declared.from[0] ?? ''}` : ''}`,
    })
  }
  const others = withoutTaken(input, declared)
  if (ids > 0 && byFilter && hasFilter(entity, others)) {
    throw new UsageError({
      code: 'ids-and-filters',
      message: 'Both ids and filters are given',
      hint: 'Name the rows by id or choose them with filters, not both',
    })
  }
  const given = ids > 0 && declared.creates ? Object.keys(givenFields(entity, others)) : []
  if (given.length > 0) {
    throw new UsageError({
      code: 'ids-and-fields',
      message: `Both ids and fields of a new ${spoken(entity.name)} are given: ${given.join(', ')}`,
      hint: `Leave the fields out, or leave the ids out to create ${article(entity.name)} ${spoken(entity.name)}`,
    })
  }
}
