import type { Matches } from '../../crud/search.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineCommand } from '../command.ts'
import { argument, type Flags, integer } from '../flags.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { FILTER_HELP, filterInput, rowFlags } from './filter-flags.ts'
import { fieldsToRead, shownFor } from './list.ts'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 10_000

interface Found extends Matches {
  /** Columns of the search itself, and those of them that are shown. */
  readonly extra: readonly Column[]
}

/** `task search 'authentication & security'`: full-text search, best first. */
export function searchCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'search')
  const { search: _, ...filters }: Flags = rowFlags(entity)
  return defineCommand({
    name: 'search',
    summary: `Search ${spoken(entity.plural)} by what they say, best match first`,
    description:
      `Finds ${spoken(entity.plural)} by their words in any form ("tests" finds "testing"). A query is typed as for a ` +
      `search engine, or with the operators & (and), | (or), ! (not), <-> (followed by) and :* (begins with). ` +
      FILTER_HELP,
    examples: [
      { command: `${words} 'authentication & security'`, does: 'Both words' },
      { command: `${words} '"rate limit" -draft' --limit 5`, does: 'A phrase, and without a word' },
      { command: `${words} 'deploy:* | release'`, does: 'Words that begin so, or another one' },
    ],
    effect: 'read',
    args: { query: argument('what to look for') },
    flags: {
      ...filters,
      limit: integer('<n>', `how many at most (default ${DEFAULT_LIMIT})`, { min: 1, max: MAX_LIMIT }),
    },
    async run(context, input): Promise<Found> {
      const { filterHint, readFilters, requireNamed } = await import('../../crud/filters.ts')
      const { refuseProblems } = await import('../../crud/scope.ts')
      const { searchColumns, searchRows } = await import('../../crud/search.ts')
      const names = searchColumns(entity)
      const given = readFilters(entity, filterInput(entity, { ...input, search: undefined }), system)
      const read = await fieldsToRead(withoutOwn(context, Object.values(names)), entity, shownFor(entity, input))
      const problems = [...given.problems, ...read.problems]
      refuseProblems(problems, filterHint(entity, problems))
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      await requireNamed(db, scope, given.filters)
      const headline = asksHeadline(context, names.headline)
      const options = { query: input.query, limit: input.limit ?? DEFAULT_LIMIT, filters: given.filters, headline }
      const found = await searchRows(db, scope, { ...options, fields: read.fields })
      const extra: Column[] = [
        { key: names.rank, kind: 'float' },
        ...(headline ? [{ key: names.headline, kind: 'text' } satisfies Column] : []),
      ]
      return { ...found, extra }
    },
    view: ({ rows, more, extra }, input) => ({
      shape: 'table',
      columns: [...Object.entries(entity.fields).map(([key, field]) => columnOf(key, field)), ...extra],
      shown: [...shownFor(entity, input), ...extra.map(({ key }) => key)],
      rows,
      empty: `No ${spoken(entity.plural)} match`,
      more: () => (more ? `There are more that match less well; --limit shows them, up to ${MAX_LIMIT}` : undefined),
    }),
  })
}

/** Where the words stand is for people, and costs reading the texts. */
function asksHeadline({ format, globals }: Context, headline: string): boolean {
  return globals.fields === undefined ? format === 'table' || format === 'md' : globals.fields.includes(headline)
}

/** The context with `--fields` naming fields of the entity only. */
function withoutOwn(context: Context, own: readonly string[]): Pick<Context, 'globals' | 'format'> {
  const { globals, format } = context
  const { fields, ...rest } = globals
  return { format, globals: fields ? { ...rest, fields: fields.filter((name) => !own.includes(name)) } : rest }
}
