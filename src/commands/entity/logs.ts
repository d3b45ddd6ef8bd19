import { InvalidValue, type Problem } from '../../errors.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { LogsOperation } from '../../model/operation.ts'
import { entityNamed, type System } from '../../model/system.ts'
import { type Command, type Context, defineCommand } from '../command.ts'
import { argument, type Flag, integer, moment, text, toggle } from '../flags.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

/** Lines shown unless `--limit` says otherwise. */
const DEFAULT_LIMIT = 200
const MAX_LIMIT = 10_000

interface Shown {
  readonly columns: readonly Column[]
  readonly batches: AsyncIterable<readonly Cells[]>
  readonly levels: readonly string[]
  /** Asked at the end. */
  readonly cut: () => boolean
}

/** `execution logs <id>`: the last lines of the log of one row, and with `--follow` what comes after them. */
export function logsCommand(system: System, entity: Entity, operation: LogsOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const noun = spoken(entity.name)
  const log = entityNamed(system, operation.entity)
  const levels = log?.fields[operation.level]?.values ?? []
  const usual = levels.find((level) => /^warn/i.test(level)) ?? levels.at(-1) ?? ''
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Lines oldest first. --follow goes on with what comes until the ${noun} has ended; in a pipe, and with ` +
      `-o ndjson, each line is passed on at once.`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: `The last ${DEFAULT_LIMIT} lines` },
      { command: `${words} ${exampleId(entity)} --level ${usual} --since 15m`, does: 'What went wrong just now' },
      { command: `${words} ${exampleId(entity)} --follow`, does: `Until the ${noun} ends, or Ctrl-C` },
      { command: `${words} ${exampleId(entity)} --follow -o ndjson`, does: 'For a program' },
    ],
    effect: 'read',
    args: { id: argument(`id of the ${noun}`) },
    flags: {
      level: levelFlag(levels),
      since: moment('<time>', 'at or after: 15m (ago), 2026-11-01T08:00'),
      until: moment('<time>', 'before'),
      search: text('<text>', 'only lines with this in their message, whatever its case'),
      limit: integer('<n>', `the last n lines (default ${DEFAULT_LIMIT})`, { min: 1, max: MAX_LIMIT }),
      follow: toggle('go on with what comes', { short: 'f' }),
    },
    async run(context, input): Promise<Shown> {
      await refuseWrong(context, input)
      const [{ followLines, lastLines, logScope }, { resolveIds }, { requireRows }, { visibleFields }] =
        await Promise.all([
          import('../../crud/logs.ts'),
          import('../../crud/ids.ts'),
          import('../../crud/missing.ts'),
          import('../../crud/select.ts'),
        ])
      const db = await context.db()
      const scope = await entityScope(context, system, entity)
      const [id = input.id] = await resolveIds(db, scope, [input.id])
      await requireRows(db, scope, [id])
      const lines = logScope(scope, operation)
      const fields = visibleFields(lines.entity, context.globals.reveal)
      const { level, since, until, search, limit = DEFAULT_LIMIT } = input
      const options = { id, level, since, until, search, limit, fields }
      let isCut = false
      async function* once() {
        const last = await lastLines(db, scope, operation, options)
        isCut = last.cut
        if (last.lines.length > 0) yield last.lines
      }
      const following = { ...options, signal: context.signal }
      return {
        columns: Object.entries(lines.entity.fields).map(([key, field]) => columnOf(key, field)),
        levels,
        cut: () => isCut,
        batches: input.follow
          ? followLines(db, scope, operation, following, () => context.ui.note(leftOut(limit)))
          : once(),
      }
    },
    view: ({ columns, batches, cut }, input) => ({
      shape: 'lines',
      columns,
      batches,
      levels,
      line: {
        time: operation.time,
        level: operation.level,
        message: operation.message,
        ...(operation.beside === undefined ? {} : { beside: operation.beside }),
      },
      live: input.follow,
      empty: isFiltered(input) ? 'No lines match' : `This ${noun} has logged nothing`,
      more: () => (cut() ? leftOut(input.limit ?? DEFAULT_LIMIT) : undefined),
    }),
  })
}

function leftOut(limit: number): string {
  const how =
    limit < MAX_LIMIT ? `--limit ${Math.min(MAX_LIMIT, limit * 10)} shows more` : 'choose others with --until'
  const lines = limit === 1 ? 'line is' : `${limit.toLocaleString('en')} lines are`
  return `Only the last ${lines} shown; ${how}`
}

/** Levels are written in upper and in lower case, and asked for in either. */
function levelFlag(levels: readonly string[]): Flag<string | undefined> {
  return {
    metavar: '<level>',
    summary: `this level and those more severe: ${levels.join(', ')}`,
    fallback: undefined,
    choices: levels,
    parse(raw) {
      const level = levels.find((one) => one.toLowerCase() === raw.trim().toLowerCase())
      if (level === undefined) throw new InvalidValue(`must be one of ${levels.join(', ')}`)
      return level
    },
  }
}

function isFiltered(input: Readonly<Record<'level' | 'since' | 'until' | 'search', unknown>>): boolean {
  return [input.level, input.since, input.until, input.search].some((value) => value !== undefined)
}

async function refuseWrong(
  { globals, format }: Context,
  input: { readonly follow: boolean; readonly until: unknown; readonly search: string | undefined },
): Promise<void> {
  const { refuseProblems } = await import('../../crud/scope.ts')
  const problems: Problem[] = []
  if (input.follow && input.until !== undefined) problems.push({ where: '--until', reason: 'contradicts --follow' })
  if (input.follow && globals.fields !== undefined && format === 'table') {
    problems.push({
      where: '--fields',
      reason: 'with --follow needs a format that knows no widths: -o ndjson or -o tsv',
    })
  }
  if (input.search === '' || input.search?.includes('\0')) {
    problems.push({ where: '--search', reason: 'needs something to look for' })
  }
  refuseProblems(problems, 'Repeat it with --help to see what it takes')
}
