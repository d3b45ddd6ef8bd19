import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineCommand, type Example, type ParsedInput } from '../command.ts'
import { integer, text, toggle } from '../flags.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { FILTER_HELP, filterInput, hasFilter, rowFlags } from './filter-flags.ts'
import { nextPageCommand } from './next-page.ts'

const DEFAULT_LIMIT = 20
/** Held in memory at once; more than this streams with `--all`. */
const MAX_LIMIT = 10_000

interface Listed {
  readonly rows: Iterable<Cells> | AsyncIterable<Cells>
  readonly next?: string
}

/** `steward <system> <entity> list`. */
export function listCommand(system: System, entity: Entity): Command {
  return defineCommand({
    name: 'list',
    aliases: ['ls'],
    summary: `List ${spoken(entity.plural)}${isNewestFirst(entity) ? ', newest first' : ''}`,
    description: `Lists ${spoken(entity.plural)} a page at a time. ${FILTER_HELP}`,
    examples: examples(system, entity),
    effect: 'read',
    flags: {
      ...rowFlags(entity),
      sort: text('<fields>', `order, minus for descending (default ${entity.list.sort}); NULL counts as largest`),
      limit: integer('<n>', `rows of a page (default ${DEFAULT_LIMIT})`, { min: 1, max: MAX_LIMIT }),
      after: text('<cursor>', 'begin after this place, as the page before printed it'),
      all: toggle('every row, streamed'),
    },
    async run(context, input): Promise<Listed> {
      const [{ filterHint, readFilters, requireNamed }, { readSort }, { refuseProblems }, { listAll, listPage }] =
        await Promise.all([
          import('../../crud/filters.ts'),
          import('../../crud/sort.ts'),
          import('../../crud/scope.ts'),
          import('../../crud/list.ts'),
        ])
      const { filters, problems } = readFilters(entity, filterInput(entity, input), system)
      const order = readSort(entity, input.sort)
      const read = await fieldsToRead(context, entity, shownFor(entity, input))
      problems.push(...order.problems, ...read.problems)
      if (input.all && input.limit !== undefined) problems.push({ where: '--limit', reason: 'contradicts --all' })
      refuseProblems(problems, filterHint(entity, problems))
      const options = { filters, sort: order.sort, fields: read.fields, after: input.after }
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      await requireNamed(db, scope, filters)
      if (input.all) return { rows: listAll(db, scope, options) }
      return listPage(db, scope, { ...options, limit: input.limit ?? DEFAULT_LIMIT })
    },
    view: ({ rows, next }, input, context) => ({
      shape: 'table',
      // Secret columns too: the renderer leaves them out, and knows what to say when --fields names one.
      columns: Object.entries(entity.fields).map(([key, field]) => columnOf(key, field)),
      shown: shownFor(entity, input),
      rows,
      empty: hasFilter(entity, input)
        ? `No ${spoken(entity.plural)} match the filters`
        : `There are no ${spoken(entity.plural)}`,
      more: () =>
        next === undefined ? undefined : `There are more. Next page: ${nextPageCommand(context.argv, next)}`,
    }),
  })
}

function isNewestFirst({ list }: Entity): boolean {
  return list.time !== undefined && list.sort === `-${list.time}`
}

/** Columns that people see; with deleted rows among the others, when they were deleted. */
export function shownFor({ list, softDelete }: Entity, { deleted }: ParsedInput): readonly string[] {
  if (deleted !== true || !softDelete || list.columns.includes(softDelete.field)) return list.columns
  return [...list.columns, softDelete.field]
}

/** Only what is shown is read: large JSON stays where it is when a person looks at a table. */
export async function fieldsToRead(
  { globals, format }: Pick<Context, 'globals' | 'format'>,
  entity: Entity,
  shown: readonly string[],
) {
  const { readFields, shownColumns, visibleFields } = await import('../../crud/select.ts')
  const { fields, reveal } = globals
  if (fields !== undefined) return readFields(entity, fields, reveal)
  const forPeople = format === 'table' || format === 'md'
  return {
    fields: forPeople ? [...new Set([...shown, ...shownColumns(entity, reveal)])] : visibleFields(entity, reveal),
    problems: [],
  }
}

function examples(system: System, entity: Entity): [Example, ...Example[]] {
  const words = wordsOf(system, entity, 'list')
  const state = Object.entries(entity.fields).find(([, field]) => field.values && !field.secret)
  const values = state?.[1].values ?? []
  const value = values.find((candidate) => state?.[1].tones?.[candidate] === 'bad') ?? values.at(-1)
  const period = entity.list.time === undefined ? '' : ' --since 7d'
  const number = Object.entries(entity.fields).find(([, field]) => field.unit === 'bytes' || field.kind === 'integer')
  const empty = Object.entries(entity.fields).find(([, field]) => field.nullable && field.kind === 'timestamp')
  const further: Example[] = []
  if (number) {
    const threshold = number[1].unit === 'bytes' ? 1_000_000 : 1
    further.push({
      command: `${words} --filter '${number[0]}>=${threshold}' --sort -${number[0]}`,
      does: `By ${spoken(number[0].replaceAll('_', '-'))}, largest first`,
    })
  }
  if (entity.list.tags !== undefined)
    further.push({ command: `${words} --tag backend,urgent`, does: 'With both tags' })
  const document = Object.entries(entity.fields).find(([, field]) => field.kind === 'json' && !field.secret)
  if (document && document[0] !== entity.list.tags) {
    further.push({
      command: `${words} --contains '${document[0]}={"key":"value"}'`,
      does: `By what ${document[0]} holds`,
    })
  }
  if (empty) further.push({ command: `${words} --filter '${empty[0]} null'`, does: `Without ${empty[0]}` })
  further.push({ command: `${words} --all -o ndjson`, does: 'Every one, a JSON object a line' })
  if (state && value !== undefined) {
    const flag = state[0].replaceAll('_', '-')
    return [
      { command: `${words} --${flag} ${value}${period}`, does: `The ${value} ones${period && ' of the last week'}` },
      ...further,
    ]
  }
  return [
    { command: `${words} --limit 50${period}`, does: `The newest 50${period && ' of the last week'}` },
    ...further,
  ]
}
