/** Log lines for people: `time LEVEL place message`, aligned, coloured by level, a message's further lines below it. */
import type { Cells, Column } from '../model/column.ts'
import { cellText, colorOf } from './cell.ts'
import { visible, visibleLines } from './escape.ts'
import { ChunkWriter, type Stream } from './streams.ts'
import type { LinesView } from './view.ts'
import { pad, prepareToMeasure, widthOf } from './width.ts'

/** A longer place is shown whole, but does not move the messages of all the others. */
const WIDEST_PLACE = 24

/**
 * Prints lines as they come.
 *
 * @returns how many there were
 */
export async function printLines(view: LinesView, stream: Stream): Promise<number> {
  const { columns, batches, line, levels } = view
  const columnOf = (key: string | undefined) => columns.find((column) => column.key === key)
  const beside = columnOf(line.beside)
  const parts = { time: columnOf(line.time), level: columnOf(line.level), message: columnOf(line.message) }
  const levelWidth = Math.max(0, ...levels.map((level) => level.length))
  const out = new ChunkWriter(stream)
  let placeWidth = 0
  let count = 0
  for await (const batch of batches) {
    const places = batch.map((row) => placeOf(row, beside, stream))
    await prepareToMeasure(places)
    placeWidth = Math.max(placeWidth, ...places.map(widthOf).filter((width) => width <= WIDEST_PLACE))
    for (const [index, row] of batch.entries()) {
      const place = placeWidth === 0 && places[index] === '' ? '' : pad(places[index] ?? '', placeWidth, 'left')
      const full = out.add(lineOf(row, parts, { levelWidth, place }, stream))
      if (full) await full
    }
    count += batch.length
    await out.flush()
  }
  return count
}

function placeOf(row: Cells, beside: Column | undefined, stream: Stream): string {
  if (!beside || (row[beside.key] ?? null) === null) return ''
  return cellText(row[beside.key], beside, stream)
}

interface Parts {
  readonly time: Column | undefined
  readonly level: Column | undefined
  readonly message: Column | undefined
}

function lineOf(
  row: Cells,
  { time, level, message }: Parts,
  { levelWidth, place }: { readonly levelWidth: number; readonly place: string },
  stream: Stream,
): string {
  const { paint } = stream
  const when = time ? timeText(row[time.key], stream) : ''
  const word = level ? pad(cellText(row[level.key], level, stream).toUpperCase(), levelWidth, 'left') : ''
  const color = level ? colorOf(row[level.key], level, paint) : plain
  const before = [when, word, place].filter((part) => part !== '')
  const indent = ' '.repeat(before.reduce((sum, part) => sum + widthOf(part) + 1, 0))
  const [first = '', ...others] = messageLines(message ? row[message.key] : null, stream)
  const head = [
    ...(when === '' ? [] : [paint.dim(when)]),
    ...(word === '' ? [] : [color(word)]),
    ...(place === '' ? [] : [paint.cyan(place)]),
    first,
  ]
  return [head.join(' ').trimEnd(), ...others.map((line) => `${indent}${line}`.trimEnd())].join('\n') + '\n'
}

const plain = (text: string) => text

/** The lines of a text, each harmless to a terminal; none that are empty at its end. */
function messageLines(value: unknown, stream: Stream): string[] {
  if (value === null || value === undefined) return [stream.glyphs.none]
  return visibleLines(String(value).replaceAll('\r\n', '\n').trimEnd()).replaceAll('\t', '  ').split('\n')
}

/** To the millisecond: lines of one second are many. */
function timeText(value: unknown, stream: Stream): string {
  if (value === null || value === undefined) return stream.glyphs.none
  const [, date, time, fraction = ''] =
    /^(\d{4,6}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(String(value)) ?? []
  return date === undefined ? visible(String(value)) : `${date} ${time}.${fraction.padEnd(3, '0').slice(0, 3)}`
}
