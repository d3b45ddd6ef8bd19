/** Views as a person reads them on a terminal or in a text file (`-o table`). */
import { labelOf } from './cell.ts'
import { visible, visibleLines } from './escape.ts'
import { recordLines } from './record.ts'
import { chartLines } from './section-chart.ts'
import type { Paint, Stream } from './streams.ts'
import { type Printed, printTable } from './table.ts'
import type { RecordView, Section, SectionsView, TableView, TextView } from './view.ts'
import { prepareToMeasure, wrap } from './width.ts'

export interface PeopleOptions {
  readonly stdout: Stream
  /** Says a line on stderr; silent with `--quiet`. */
  readonly note: (line: string) => void
  readonly now: Date
}

export async function printForPeople(
  view: TableView | RecordView | SectionsView | TextView,
  options: PeopleOptions,
): Promise<void> {
  switch (view.shape) {
    case 'table':
      return printTableView(view, options)
    case 'record':
      return printRecordView(view, options)
    case 'sections':
      return printSections(view, options)
    case 'text':
      return printText(view, options.stdout)
  }
}

async function printTableView(view: TableView, options: PeopleOptions): Promise<void> {
  const { stdout, note } = options
  if (view.title !== undefined) await writeLines(stdout, [stdout.paint.bold(visible(view.title)), ''])
  const printed = await printTable(view.columns, view.rows, stdout, options.now)
  if (printed.rows === 0) note(view.empty ?? 'No rows')
  noteHidden(printed, options)
}

async function printRecordView(view: RecordView, options: PeopleOptions): Promise<void> {
  const { stdout, now } = options
  const { paint } = stdout
  if (view.title !== undefined) await writeLines(stdout, [paint.bold(visible(view.title)), ''])
  await writeLines(stdout, await recordLines(view.columns, view.row, stdout, now))
  for (const { key, columns, rows } of view.related ?? []) {
    const name = visible(key.replaceAll('_', ' '))
    if (rows === null || (Array.isArray(rows) && rows.length === 0)) {
      await writeLines(stdout, ['', `${paint.bold(name)}  ${paint.dim('none')}`])
    } else if (Array.isArray(rows)) {
      await writeLines(stdout, ['', `${paint.bold(name)}  ${paint.dim(String(rows.length))}`])
      noteHidden(await printTable(columns, rows, stdout, options.now), options)
    } else {
      await writeLines(stdout, ['', paint.bold(name), ...(await recordLines(columns, rows, stdout, now))])
    }
  }
}

async function printSections(view: SectionsView, options: PeopleOptions): Promise<void> {
  const { stdout } = options
  if (view.title !== undefined) await writeLines(stdout, [stdout.paint.bold(visible(view.title)), ''])
  for (const [index, section] of view.sections.entries()) {
    if (index > 0) await writeLines(stdout, [''])
    if (section.title !== undefined) await writeLines(stdout, [stdout.paint.bold(visible(section.title))])
    await printSection(section, options)
  }
}

async function printSection(section: Section, options: PeopleOptions): Promise<void> {
  const { stdout, now } = options
  switch (section.kind) {
    case 'record':
      return writeLines(stdout, await recordLines(section.columns, section.row, stdout, now))
    case 'notes':
      if (section.lines.length === 0) return writeLines(stdout, [stdout.paint.dim(visible(section.empty ?? 'none'))])
      await prepareToMeasure(section.lines)
      return writeLines(
        stdout,
        section.lines.flatMap((line) => bulletLines(line, stdout)),
      )
    case 'table': {
      if (section.rows.length === 0) return writeLines(stdout, [stdout.paint.dim(visible(section.empty ?? 'none'))])
      const { chart } = section
      const lines = chart ? await chartLines(chart, section.columns, section.rows, stdout, stdout) : []
      if (chart?.instead && lines.length > 0) return writeLines(stdout, lines)
      noteHidden(await printTable(section.columns, section.rows, stdout, now), options)
      if (lines.length > 0) await writeLines(stdout, ['', ...lines])
    }
  }
}

function bulletLines(line: string, stream: Stream): string[] {
  const text = visible(line)
  const lines = stream.isTTY ? wrap(text, stream.width - 2) : [text]
  return lines.map((part, index) => `${index === 0 ? stream.glyphs.bullet : ' '} ${part}`)
}

/** Text is passed on as it is, so that it can be piped; on a terminal without what could steer it. */
export async function printText({ text, isPatch = false }: TextView, stdout: Stream): Promise<void> {
  const harmless = stdout.isTTY ? visibleLines(text) : text
  const shown = isPatch && stdout.hasColor ? paintedPatch(harmless, stdout.paint) : harmless
  await stdout.write(shown === '' || shown.endsWith('\n') ? shown : `${shown}\n`)
}

/** A unified diff in the colours people know. */
function paintedPatch(text: string, paint: Paint): string {
  return text
    .split('\n')
    .map((line, place, lines) => {
      // A removed line that itself begins with dashes is no heading.
      const isHeading =
        (line.startsWith('--- ') && lines[place + 1]?.startsWith('+++ ')) ||
        (line.startsWith('+++ ') && lines[place - 1]?.startsWith('--- '))
      if (isHeading) return paint.bold(line)
      if (line.startsWith('@@')) return paint.cyan(line)
      if (line.startsWith('+')) return paint.green(line)
      return line.startsWith('-') ? paint.red(line) : line
    })
    .join('\n')
}

function noteHidden({ hidden }: Printed, { note }: PeopleOptions): void {
  if (hidden.length === 0) return
  const names = hidden.map(labelOf).join(', ')
  note(`No room for ${names}: use a wider terminal, --fields, or another format with -o`)
}

async function writeLines(stream: Stream, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await stream.write(lines.map((line) => `${line}\n`).join(''))
}
