/**
 * The one way from a view to a stream. Columns are chosen here, so that the formats print what they are given; each
 * format has its own file, loaded when it is asked for.
 */
import { UsageError } from '../errors.ts'
import { visible } from './escape.ts'
import { chosenColumns, namedSection, onlyTable, type Selection } from './select.ts'
import { ReaderGone, type Stream } from './streams.ts'
import type {
  Format,
  LinesView,
  RecordView,
  Section,
  SectionsView,
  StreamView,
  TableView,
  TextView,
  TreeView,
  View,
} from './view.ts'

export interface RenderOptions extends Selection {
  readonly format: Format
  /** Where the data goes. */
  readonly stdout: Stream
  /** Where talk about the data goes: empty lists, the next cursor. */
  readonly stderr: Stream
  /** Leaves that talk out (`--quiet`). */
  readonly quiet?: boolean
  /** `--section`: the one part of a report to print. */
  readonly section?: string | undefined
  readonly now: Date
  /**
   * The run has already changed something: a `--fields` or `--section` that does not fit must not make it look failed.
   * Then a warning is printed, and the whole result for people, on stderr.
   */
  readonly changed?: boolean
}

type Printable = TableView | RecordView | SectionsView | TextView

/**
 * Prints a view. A reader that closes its end early (`| head`) ends it without an error, and the rows are asked for
 * no further.
 *
 * @throws UsageError for unknown fields or sections, before anything is printed; not after a change
 * @throws OperationError when writing fails
 */
export async function render(view: View, options: RenderOptions): Promise<void> {
  if (view.shape === 'silent') return
  try {
    if (view.shape === 'stream') return await passOn(view, options.stdout)
    if (view.shape === 'lines' && isForPeople(options)) await printLinesOf(view, options)
    else if (view.shape === 'tree' && isForPeople(options)) await printTreeOf(view, options)
    else await print(narrowed(tabular(view), options), options)
    const more = 'more' in view ? view.more?.() : undefined
    if (more !== undefined && !options.quiet) options.stderr.say(more)
  } catch (error) {
    if (error instanceof ReaderGone) return
    if (!options.changed || !(error instanceof UsageError)) throw error
    const { stderr, reveal, now } = options
    stderr.say(`${stderr.paint.yellow('warning:')} ${visible(error.message)}; everything is shown here instead`)
    for (const { reason } of error.problems) stderr.say(`  ${visible(reason)}`)
    await render(view, { format: 'table', stdout: stderr, stderr, reveal, now })
  }
}

/** Lines and trees are drawn for people who did not choose columns themselves. */
function isForPeople({ format, fields, section }: RenderOptions): boolean {
  return format === 'table' && fields === undefined && section === undefined
}

/** The view as every format can print it. */
function tabular(view: Printable | LinesView | TreeView): Printable {
  if (view.shape === 'tree') return view.data
  if (view.shape !== 'lines') return view
  const { columns, batches, empty, live } = view
  return {
    shape: 'table',
    columns,
    rows: rowsIn(batches),
    ...(empty === undefined ? {} : { empty }),
    ...(live === undefined ? {} : { live }),
  }
}

async function* rowsIn<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch
}

async function printLinesOf(view: LinesView, options: RenderOptions): Promise<void> {
  const { printLines } = await import('./lines.ts')
  const columns = chosenColumns(view.columns, { reveal: options.reveal })
  const count = await printLines({ ...view, columns }, options.stdout)
  if (count === 0 && view.empty !== undefined && !options.quiet) options.stderr.say(view.empty)
}

async function printTreeOf(view: TreeView, options: RenderOptions): Promise<void> {
  const { printBranches } = await import('./branches.ts')
  await printBranches(view, options.stdout)
  if (view.roots.length === 0 && view.empty !== undefined && !options.quiet) options.stderr.say(view.empty)
}

async function passOn({ bytes }: StreamView, stdout: Stream): Promise<void> {
  for await (const chunk of bytes) await stdout.write(chunk)
}

async function print(view: Printable, options: RenderOptions): Promise<void> {
  const { format, stdout, stderr, now } = options
  switch (format) {
    case 'table': {
      const { printForPeople } = await import('./people.ts')
      const note = (line: string) => {
        if (!options.quiet) stderr.say(line)
      }
      return printForPeople(view, { stdout, note, now })
    }
    case 'md': {
      const { printMarkdown } = await import('./markdown.ts')
      return printMarkdown(view, stdout)
    }
    case 'json': {
      const { printJson } = await import('./json.ts')
      return printJson(view, stdout)
    }
    case 'yaml': {
      const { printYaml } = await import('./yaml.ts')
      return printYaml(await shallow(view, 'YAML'), stdout)
    }
    case 'ndjson': {
      const { printNdjson } = await import('./ndjson.ts')
      return printNdjson(flat(view, 'NDJSON'), stdout)
    }
    case 'csv':
    case 'tsv': {
      const { printSeparated } = await import('./csv.ts')
      const rows = flat(view, format.toUpperCase())
      if (rows.shape !== 'text') return printSeparated(rows, format, stdout)
      const { printText } = await import('./people.ts')
      return printText(rows, stdout)
    }
  }
}

/** The view, its rows refused when they are nested deeper than the format's writer can follow. */
async function shallow(view: Printable, format: string): Promise<Printable> {
  const { refuseDeep, shallowRows } = await import('./depth.ts')
  if (view.shape === 'table') return { ...view, rows: shallowRows(view.rows, view.columns, format) }
  const parts =
    view.shape === 'record'
      ? [view, ...(view.related ?? [])].map((part) => ({ ...part, rows: 'rows' in part ? part.rows : part.row }))
      : []
  for (const { rows, columns } of parts) {
    for (const row of Array.isArray(rows) ? rows : rows === null ? [] : [rows]) refuseDeep(row, columns, format)
  }
  return view
}

/** The view with the columns that are to be printed, and the one section that was asked for. */
function narrowed(view: Printable, options: RenderOptions): Printable {
  const forPeople = options.format === 'table' || options.format === 'md'
  const columnsOf = (part: { columns: TableView['columns']; shown?: readonly string[] }, selection: Selection) =>
    chosenColumns(part.columns, selection, forPeople ? part.shown : undefined)
  switch (view.shape) {
    case 'table':
      return { ...view, columns: columnsOf(view, options) }
    case 'record': {
      const related = view.related?.map((part) => ({ ...part, columns: columnsOf(part, { reveal: options.reveal }) }))
      return { ...view, columns: columnsOf(view, options), ...(related === undefined ? {} : { related }) }
    }
    case 'sections': {
      const { section: name, fields } = options
      const chosen =
        name !== undefined ? namedSection(view, name) : fields !== undefined ? onlyTable(view, '--fields') : undefined
      const narrow = (section: Section): Section =>
        section.kind === 'notes' ? section : { ...section, columns: columnsOf(section, options) }
      if (!chosen) return { ...view, sections: view.sections.map(narrow) }
      return forPeople ? { ...view, sections: [narrow(chosen)] } : alone(narrow(chosen))
    }
    case 'text':
      return view
  }
}

/** A section as a view of its own: machine formats print its rows without the report around them. */
function alone(section: Section): TableView | RecordView | TextView {
  switch (section.kind) {
    case 'table':
      return { shape: 'table', columns: section.columns, rows: section.rows }
    case 'record':
      return { shape: 'record', columns: section.columns, row: section.row }
    case 'notes':
      return { shape: 'text', text: section.lines.join('\n'), value: section.lines }
  }
}

/** What a format without nesting can print. */
function flat(view: Printable, format: string): TableView | RecordView | TextView {
  if (view.shape !== 'sections') return view
  return alone(onlyTable(view, format))
}
