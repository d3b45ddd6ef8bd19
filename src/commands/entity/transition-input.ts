/** What a transition is given: what it takes, the fields of a row it creates first, and filters. */
import type { Filter } from '../../crud/filters.ts'
import type { Reading, Values } from '../../crud/input.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { Context, ParsedInput } from '../command.ts'
import { filterInput } from './filter-flags.ts'
import { readTaken, withoutTaken } from './operation-input.ts'
import { promptForMissing } from './prompts.ts'
import { rawTexts } from './raw-values.ts'
import type { Mode } from './transition-mode.ts'
import type { Step } from './transition-step.ts'

export interface TransitionGiven {
  readonly values: Values
  readonly reading: Reading
}

export function transitionInput(entity: Entity, declared: Transition) {
  const takes = Object.keys({ ...declared.takes, ...declared.inputs })

  return {
    /**
     * Reads what the transition takes.
     *
     * @returns `values` of the transition; `reading` of the row to create, its problems with those of the values
     * @throws RefusedError (exit 5) with every problem when there is no row to create
     */
    async read(context: Context, input: ParsedInput, mode: Mode): Promise<TransitionGiven> {
      const { combined, inputReader, refuseInput } = await import('../../crud/input.ts')
      const { values, problems } = await readTaken(context, entity, declared, input)
      if (mode !== 'create') {
        refuseInput(entity, declared.verb, problems)
        return { values, reading: EMPTY }
      }
      const creator = await inputReader(entity, 'create')
      const keys = Object.keys(entity.fields).filter((key) => !takes.includes(key))
      const given = await rawTexts(context, entity, input, keys)
      const answers = await promptForMissing(context, entity, creator, given)
      const row = combined(creator.read(given, 'text'), creator.read(answers, 'text'))
      const reading = { values: row.values, problems: [...row.problems, ...creator.missing(row), ...problems] }
      return { values, reading }
    },

    /**
     * The checked filters, without the fields that the transition takes.
     *
     * @throws UsageError (exit 2); NotFoundError (exit 4) for a row that a filter names and that is not there
     */
    async filters({ context, scope }: Omit<Step, 'given'>, input: ParsedInput): Promise<Filter[]> {
      const { filtersFrom, requireNamed } = await import('../../crud/filters.ts')
      const filters = filtersFrom(entity, filterInput(entity, withoutTaken(input, declared)), scope.system)
      await requireNamed(await context.db(), scope, filters)
      return filters
    },
  }
}

const EMPTY: Reading = { values: {}, problems: [] }
