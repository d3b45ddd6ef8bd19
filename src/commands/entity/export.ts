import type { ExportFormat } from '../../crud/export.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { View } from '../../output/view.ts'
import { ignoreProgress } from '../../progress.ts'
import { type Command, type Context, defineCommand } from '../command.ts'
import { choice, text } from '../flags.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { FILTER_HELP, filterInput, rowFlags } from './filter-flags.ts'

const FORMATS = ['csv', 'ndjson'] as const satisfies readonly ExportFormat[]

/** `steward <system> <entity> export`. */
export function exportCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'export')
  return defineCommand({
    name: 'export',
    summary: `Export ${spoken(entity.plural)} as CSV or NDJSON`,
    description:
      `Exports ${spoken(entity.plural)}, all or those that meet the filters, in no particular order, every field ` +
      `that is not secret. A file is complete or not there. ${FILTER_HELP}`,
    examples: [
      { command: `${words} --out ${entity.plural}.csv`, does: 'To a file; its ending gives the format' },
      ...(entity.list.time === undefined
        ? [{ command: `${words} --format ndjson`, does: 'To stdout, a JSON object a line' }]
        : [{ command: `${words} --since 30d --format ndjson | gzip`, does: 'The last 30 days, to another tool' }]),
    ],
    effect: 'read',
    flags: {
      ...rowFlags(entity),
      format: choice(FORMATS, 'format of the rows (default: from the ending of --out, else ndjson)'),
      out: text('<file>', 'write to this file, replacing it when the export is complete (default: stdout)'),
    },
    async run(context, input): Promise<View> {
      const { filterHint, readFilters, requireNamed } = await import('../../crud/filters.ts')
      const { readFields, visibleFields } = await import('../../crud/select.ts')
      const { refuseProblems } = await import('../../crud/scope.ts')
      const { exportBytes } = await import('../../crud/export.ts')
      const { fields: named, reveal } = context.globals
      const format = await formatOf(context, input)
      const { filters, problems } = readFilters(entity, filterInput(entity, input), system)
      const read =
        named === undefined
          ? { fields: visibleFields(entity, reveal), problems: [] }
          : readFields(entity, named, reveal)
      problems.push(...read.problems)
      refuseProblems(problems, filterHint(entity, problems))
      const options = {
        format,
        filters,
        fields: read.fields,
        // On stdout a progress line would stand between the rows of a terminal.
        onProgress: input.out === undefined ? ignoreProgress : context.ui.progress,
        signal: context.signal,
      }
      const scope = await entityScope(context, system, entity)
      const db = await context.readDb()
      await requireNamed(db, scope, filters)
      const bytes = exportBytes(db, scope, options)
      if (input.out === undefined) return { shape: 'stream', bytes }
      return toFile(context, input.out, format, bytes)
    },
    view: (view) => view,
  })
}

async function toFile(
  context: Context,
  out: string,
  format: ExportFormat,
  bytes: ReturnType<typeof import('../../crud/export.ts')['exportBytes']>,
): Promise<View> {
  const { resolve } = await import('node:path')
  const { writeFileWhole } = await import('../../crud/export-file.ts')
  const file = resolve(context.cwd, out)
  let done = { rows: 0, bytes: 0 }
  async function* counted() {
    done = yield* bytes
  }
  await writeFileWhole(file, counted())
  const { rows, bytes: size } = done
  // Text, not a record: --fields chose columns of the rows, not of this.
  return {
    shape: 'text',
    text: `Exported ${rows.toLocaleString('en')} rows (${size.toLocaleString('en')} bytes) to ${file}`,
    value: { file, format, rows, bytes: size },
  }
}

/** `--format`, else `-o csv` or `-o ndjson`, else the ending of the file, else NDJSON, which keeps types apart. */
async function formatOf(
  { format }: Context,
  input: { readonly format: ExportFormat | undefined; readonly out: string | undefined },
): Promise<ExportFormat> {
  if (input.format !== undefined) return input.format
  if (format === 'csv' || format === 'ndjson') return format
  if (input.out !== undefined) return /\.csv$/i.test(input.out) ? 'csv' : 'ndjson'
  if (format === 'table') return 'ndjson'
  const { UsageError } = await import('../../errors.ts')
  throw new UsageError({
    code: 'invalid-input',
    message: `An export is csv or ndjson, not ${format}`,
    hint: 'Use --format csv or --format ndjson; -o is about the summary of an export with --out',
  })
}
