/** `work-order claim`: the first rows of a queue, each for one claimer only. */
import type { Filter } from '../../crud/filters.ts'
import { UsageError } from '../../errors.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand, type ParsedInput } from '../command.ts'
import { type Flags, integerOr, list, toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRows } from './changed-view.ts'
import { noteConsequences } from './consequence-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { inputName } from './field-flags.ts'
import { readTaken, takenExample, takenFlags } from './operation-input.ts'

const GROUP = 'Which ones:'

export function claimCommand(system: System, entity: Entity, declared: Transition): Command {
  const { order = entity.list.sort, by = [], notAfter, parents = [] } = declared.claims ?? {}
  const words = wordsOf(system, entity, declared.verb)
  const noun = spoken(entity.plural)
  const required = takenExample(entity, declared)
  const [first] = by
  return defineCommand({
    name: declared.verb,
    summary: declared.summary,
    description:
      `Takes the first ${noun} that are ${declared.from.join(' or ')}, by ${order}, and makes them ${declared.to}` +
      ` with all that belongs to it, in one transaction. What another session is taking at this moment is passed` +
      ` over: of many that claim at once, each gets other ones.` +
      (notAfter === undefined ? '' : ` Those whose ${notAfter} has passed are not offered.`) +
      parents
        .map(({ via, otherwise }) => ` Those whose ${parentOf(entity, via)} ${otherwise} wait until it is.`)
        .join('') +
      ` With ids, these are taken or it is refused. Where there is nothing to take it says so and ends with 0, with an` +
      ` empty list in JSON and no line in NDJSON and CSV.`,
    examples: [
      { command: `${words}${required}`, does: 'The first one' },
      { command: `${words}${required} --limit 10 -o ndjson`, does: 'Up to ten, a line each, for a program' },
      ...(first === undefined
        ? []
        : [
            {
              command: `${words}${required} --${first.replaceAll('_', '-')} <value>`,
              does: 'The first one of these',
            },
          ]),
      { command: `${words} ${exampleId(entity)}${required}`, does: 'A certain one' },
    ],
    effect: 'write',
    args: { id: variadicArgument(`ids of the ${noun}; the first of the queue when absent`, { required: false }) },
    flags: {
      ...chooserFlags(entity, by),
      ...takenFlags(entity, declared),
      limit: integerOr(1, '<n>', 'take up to this many', { min: 1, max: 10_000, group: GROUP }),
      dryRun: toggle('show what would be taken, take nothing'),
    },
    async run(context, input): Promise<readonly Cells[]> {
      const { claimRows } = await import('../../crud/claim.ts')
      const { Tally } = await import('../../crud/consequences.ts')
      const { filtersFrom, requireNamed } = await import('../../crud/filters.ts')
      const { resolveIds } = await import('../../crud/ids.ts')
      const { refuseInput } = await import('../../crud/input.ts')
      const { transitionRows } = await import('../../crud/transition.ts')
      const chosen = chosenBy(by, input)
      if (input.id.length > 0 && Object.keys(chosen).length > 0) throw idsAndFilters()
      const filters: Filter[] = filtersFrom(entity, { fields: chosen }, system)
      const { values, problems } = await readTaken(context, entity, declared, input)
      refuseInput(entity, declared.verb, problems)
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      await requireNamed(db, scope, filters)
      const options = { actor: actorOf(context), dryRun: input.dryRun }
      const tally = new Tally()
      const { moved, passed, consequences } =
        input.id.length > 0
          ? {
              moved: await transitionRows(db, scope, declared, await resolveIds(db, scope, input.id), values, {
                ...options,
                tally,
              }),
              passed: [],
              consequences: tally.list(),
            }
          : await claimRows(db, scope, declared, values, { ...options, limit: input.limit, filters })
      noteConsequences(context, consequences)
      for (const { id, reason } of passed) context.ui.warn(`${id} was passed over: ${reason}`)
      if (input.dryRun && moved.length > 0) context.ui.note('Nothing was taken: this is what would be.')
      if (moved.length === 0) context.ui.note(`There are no ${noun} to ${declared.verb}.`)
      return moved.map(({ after }) => after)
    },
    view: (rows, _input, { format }) =>
      rows.length === 0 && (format === 'table' || format === 'md') ? { shape: 'silent' } : changedRows(entity, rows),
  })
}

function parentOf({ fields }: Entity, via: string): string {
  return spoken(fields[via]?.reference?.entity ?? via)
}

/** A flag for each field by which a claimer chooses. */
function chooserFlags({ fields }: Entity, by: readonly string[]): Flags {
  return Object.fromEntries(
    by.flatMap((key) => {
      const field = fields[key]
      if (!field) return []
      const choices = field.values === undefined ? {} : { choices: field.values }
      return [[inputName(key), list('<values>', `${field.summary}: only these`, { group: GROUP, ...choices })]]
    }),
  )
}

function chosenBy(by: readonly string[], input: ParsedInput): Record<string, readonly string[]> {
  return Object.fromEntries(
    by.flatMap((key) => {
      const given = input[inputName(key)]
      const texts = Array.isArray(given) ? given.map(String) : []
      return texts.length === 0 ? [] : [[key, texts]]
    }),
  )
}

function idsAndFilters(): UsageError {
  return new UsageError({
    code: 'ids-and-filters',
    message: 'Both ids and what to choose by are given',
    hint: 'Name the rows by id or choose them, not both',
  })
}
