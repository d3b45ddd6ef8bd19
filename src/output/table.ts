/**
 * Tables for people: a heading, columns two spaces apart, no borders. On a terminal they are fitted to its width; in
 * a pipe every value is whole and each row one line.
 */
import Table from 'cli-table3'
import type { Cells, Column } from '../model/column.ts'
import { alignOf, cellText, colorOf, labelOf } from './cell.ts'
import { ChunkWriter, type Stream } from './streams.ts'
import { prepareToMeasure, truncate, widthOf } from './width.ts'

/** Rows measured before the first is printed; later ones keep the widths found here. */
const PAGE = 1000
/** cli-table3 compares every cell with all rows above it, so that its time grows with the square of the rows. */
const DRAWN_AT_ONCE = 25
const GAP = 2
/** Narrower than this, a text column says nothing any more. */
const NARROWEST = 10
/** The longest id: a UUID's 36 characters. */
const WIDEST_NAME = 36

export interface Printed {
  readonly rows: number
  /** Columns that did not fit the terminal. */
  readonly hidden: readonly Column[]
}

/**
 * Prints rows as they come, a page at a time.
 *
 * @returns how many rows there were (nothing is printed for none) and what had no room
 */
export async function printTable(
  columns: readonly Column[],
  rows: Iterable<Cells> | AsyncIterable<Cells>,
  stream: Stream,
  now: Date,
): Promise<Printed> {
  const out = new ChunkWriter(stream)
  let layout: Layout | undefined
  let count = 0
  let page: Cells[] = []
  const printPage = async () => {
    const textsFor = (since?: Date) =>
      page.map((row) => columns.map((column) => cellText(row[column.key], column, stream, since)))
    let texts = textsFor(layout?.timesSince)
    await prepareToMeasure(texts.flat())
    if (!layout) {
      layout = layOut(columns, texts, stream.isTTY ? stream.width : undefined)
      if (layout.tight && columns.some(({ kind }) => kind === 'timestamp')) {
        // How long ago takes half the room of a date, and leaves it to the texts.
        texts = textsFor(now)
        layout = { ...layOut(columns, texts, stream.width), timesSince: now }
      }
      await out.add(draw([headings(layout, stream)], layout, stream))
    }
    const painted = paintedRows(page, texts, layout, stream)
    for (let from = 0; from < painted.length; from += DRAWN_AT_ONCE) {
      await out.add(draw(painted.slice(from, from + DRAWN_AT_ONCE), layout, stream))
    }
    // A page is what one waits for: do not hold it back for a full chunk.
    await out.flush()
    count += page.length
    page = []
  }
  for await (const row of rows) {
    page.push(row)
    if (page.length === PAGE) await printPage()
  }
  if (page.length > 0) await printPage()
  return { rows: count, hidden: layout?.hidden ?? [] }
}

interface Layout {
  readonly columns: readonly Column[]
  readonly widths: readonly number[]
  readonly hidden: readonly Column[]
  /** Whether values are cut to the widths. */
  readonly fitted: boolean
  /** Whether the whole values would not have fitted. */
  readonly tight: boolean
  /** Times are shown as how long before this they were. */
  readonly timesSince?: Date
}

/** Finds the widths; on a terminal texts shrink first, widest first, then columns are left out from the right. */
function layOut(columns: readonly Column[], texts: readonly string[][], available: number | undefined): Layout {
  const natural = columns.map((column, place) =>
    texts.reduce((widest, row) => Math.max(widest, widthOf(row[place] ?? '')), widthOf(labelOf(column))),
  )
  let shown = columns.length
  for (; available !== undefined && shown > 1; shown--) {
    if (total(natural.slice(0, shown).map((width, place) => least(width, columns[place], place))) <= available) break
  }
  const widths = natural.slice(0, shown)
  return {
    columns: columns.slice(0, shown),
    widths: available === undefined ? widths : shrink(widths, columns, available),
    hidden: columns.slice(shown),
    fitted: available !== undefined,
    tight: available !== undefined && total(natural) > available,
  }
}

/** A cut figure or time is wrong, so only texts give way, and the first one, which names the row, less than others. */
function least(width: number, column: Column | undefined, place: number): number {
  if (!column || alignOf(column) === 'right') return width
  if (column.kind === 'timestamp' || column.kind === 'date' || column.kind === 'boolean') return width
  return Math.min(width, Math.max(place === 0 ? WIDEST_NAME : NARROWEST, widthOf(labelOf(column))))
}

function shrink(widths: readonly number[], columns: readonly Column[], available: number): number[] {
  const smallest = widths.map((width, place) => least(width, columns[place], place))
  const fitted = [...widths]
  for (let excess = total(fitted) - available; excess > 0; excess--) {
    let widest = -1
    for (const [place, width] of fitted.entries()) {
      if (width > (smallest[place] ?? 0) && (widest < 0 || width > (fitted[widest] ?? 0))) widest = place
    }
    // Nothing can give way any more: a single first column, cut to the terminal.
    if (widest < 0) return fitted.length === 1 ? [available] : fitted
    fitted[widest] = (fitted[widest] ?? 0) - 1
  }
  return fitted
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1)
}

interface Cell {
  readonly text: string
  readonly color: (text: string) => string
}

function headings(layout: Layout, stream: Stream): Cell[] {
  return layout.columns.map((column) => ({ text: labelOf(column).toUpperCase(), color: stream.paint.bold }))
}

function paintedRows(rows: readonly Cells[], texts: readonly string[][], layout: Layout, stream: Stream): Cell[][] {
  return rows.map((row, index) =>
    layout.columns.map((column, place) => ({
      text: texts[index]?.[place] ?? '',
      color: colorOf(row[column.key], column, stream.paint),
    })),
  )
}

const NO_BORDERS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' },
  middle: ' '.repeat(GAP),
}

/** A character of the private use area that stands for one terminal cell of a text put back afterwards. */
const STAND_IN = '\ue000'
const STAND_INS = new RegExp(`${STAND_IN}+`, 'g')
const PLAIN_ASCII = /^[\x20-\x7e]*$/

/**
 * Lays the rows out with cli-table3. It measures with an older table of character widths than ours and cuts what is
 * wider than its column, so texts beyond ASCII and texts that must stay whole go in as stand-ins of the right width.
 */
function draw(rows: readonly (readonly Cell[])[], layout: Layout, { glyphs }: Stream): string {
  const table = new Table({
    chars: NO_BORDERS,
    colWidths: [...layout.widths],
    colAligns: layout.columns.map(alignOf),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  const kept: string[] = []
  for (const row of rows) {
    table.push(
      row.map(({ text, color }, place) => {
        const width = layout.widths[place] ?? 0
        const fitting = layout.fitted ? truncate(text, width, glyphs.ellipsis) : text
        const size = widthOf(fitting)
        if (size === 0 || (size <= width && PLAIN_ASCII.test(fitting))) return color(fitting)
        kept.push(color(fitting))
        return STAND_IN.repeat(Math.min(size, width))
      }),
    )
  }
  let next = 0
  const lines = table.toString().split('\n')
  return lines.map((line) => `${line.replace(STAND_INS, () => kept[next++] ?? '').trimEnd()}\n`).join('')
}
