/** What a transition is given: the fields it takes, those of a row it creates first, and filters. */
import type { Filter } from '../../crud/filters.ts'
import type { Reading, Values } from '../../crud/input.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { Context, ParsedInput } from '../command.ts'
import { filterInput } from './filter-flags.ts'
import { ask, promptForMissing } from './prompts.ts'
import { rawTexts } from './raw-values.ts'
import type { Mode } from './transition-mode.ts'

export interface TransitionGiven {
  readonly values: Values
  readonly reading: Reading
}

export function transitionInput(entity: Entity, declared: Transition) {
  const takes = Object.keys(declared.takes ?? {})

  return {
    /**
     * Reads what the transition takes; on a terminal, what is required and missing is asked for.
     *
     * @returns `values` of the transition; `reading` of the row to create, its problems with those of the values
     * @throws RefusedError (exit 5) with every problem when there is no row to create
     */
    async read(context: Context, input: ParsedInput, mode: Mode): Promise<TransitionGiven> {
      const { combined, inputReader, refuseInput } = await import('../../crud/input.ts')
      const reader = await inputReader(entity, 'update', takes)
      const texts = await rawTexts(context, entity, input, takes)
      for (const [key, need] of Object.entries(declared.takes ?? {})) {
        const field = entity.fields[key]
        if (need !== 'required' || !field || texts[key] !== undefined || !context.ui.interactive) continue
        texts[key] = await ask(context, key, field, reader)
      }
      const taken = reader.read(texts, 'text')
      const missing = Object.entries(declared.takes ?? {})
        .filter(([key, need]) => need === 'required' && texts[key] === undefined)
        .map(([key]) => ({ where: key, reason: 'is required' }))
      const problems = [...taken.problems, ...missing]
      if (mode !== 'create') {
        refuseInput(entity, declared.verb, problems)
        return { values: taken.values, reading: EMPTY }
      }
      const creator = await inputReader(entity, 'create')
      const keys = Object.keys(entity.fields).filter((key) => !takes.includes(key))
      const given = await rawTexts(context, entity, input, keys)
      const answers = await promptForMissing(context, entity, creator, given)
      const row = combined(creator.read(given, 'text'), creator.read(answers, 'text'))
      const reading = { values: row.values, problems: [...row.problems, ...creator.missing(row), ...problems] }
      return { values: taken.values, reading }
    },

    /** The checked filters, without the fields that the transition takes. @throws UsageError (exit 2) */
    async filters(input: ParsedInput): Promise<Filter[]> {
      const { filtersFrom } = await import('../../crud/filters.ts')
      const kept = Object.fromEntries(Object.entries(input).filter(([key]) => !takes.includes(key)))
      return filtersFrom(entity, filterInput(entity, kept))
    },
  }
}

const EMPTY: Reading = { values: {}, problems: [] }
