/** Charts made of characters: figures in, lines out, never wider than they are told. */
import { pad, truncate, widthOf } from './width.ts'

export interface ChartSpace {
  /** Terminal cells. */
  readonly width: number
  readonly unicode: boolean
}

export interface Bar {
  readonly label: string
  /** Missing figures draw nothing. */
  readonly value: number | undefined
  /** The figure as people read it, printed after the bar. */
  readonly text: string
}

/** Eighths of a cell from the left (U+258F to U+2588), for bars finer than a character. */
const LEFT_EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'] as const
/** Eighths of a cell from below (U+2581 to U+2588). */
const LOWER_EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** The same steps where only ASCII can be shown, by how much ink they have. */
const ASCII_STEPS = [' ', '.', ':', '-', '=', '+', '*', '%', '#'] as const

/** Horizontal bars on one scale from zero; a negative figure has its text but no bar. */
export function barLines(bars: readonly Bar[], { width, unicode }: ChartSpace): string[] {
  const ellipsis = unicode ? '…' : '~'
  const texts = Math.max(0, ...bars.map(({ text }) => widthOf(text)))
  const labels = Math.min(
    Math.max(0, ...bars.map(({ label }) => widthOf(label))),
    Math.max(8, Math.floor(width * 0.4)),
  )
  const room = Math.max(1, width - labels - texts - 3)
  const most = largest(bars.map(({ value }) => value))
  return bars.map(({ label, value, text }) => {
    const name = pad(truncate(label, labels, ellipsis), labels, 'left')
    const bar = horizontal(most > 0 ? Math.max(0, value ?? 0) / most : 0, room, unicode)
    return `${name}  ${bar}${bar === '' ? '' : ' '}${text}`.trimEnd()
  })
}

/** @param share of the room, 0 to 1; anything above nothing shows at least the thinnest bar */
function horizontal(share: number, room: number, unicode: boolean): string {
  if (share <= 0) return ''
  if (!unicode) return '#'.repeat(Math.max(1, Math.round(share * room)))
  const eighths = Math.max(1, Math.round(share * room * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + (LEFT_EIGHTHS[eighths % 8] ?? '')
}

export interface Series {
  /** Text of the axis under each figure, e.g. the day. */
  readonly labels: readonly string[]
  readonly values: readonly (number | undefined)[]
  /** How a figure reads on the axis. */
  readonly format: (value: number) => string
}

/**
 * Columns over time, with the largest figure at the top of the axis and the first and last label under it. More
 * figures than cells are averaged, which the last line says.
 *
 * @param height lines of the drawing, without axis and labels
 */
export function columnLines(
  { labels, values, format }: Series,
  { width, unicode }: ChartSpace,
  height = 6,
): string[] {
  if (values.length === 0) return []
  const least = Math.min(0, smallest(values))
  const most = Math.max(least, largest(values))
  const [top, bottom] = [format(most), format(least)]
  const margin = Math.max(widthOf(top), widthOf(bottom))
  const room = Math.max(1, width - margin - 2)
  const points = condensed(values, room)
  const broad = Math.max(1, Math.min(3, Math.floor(room / points.length)))
  const steps = unicode ? LOWER_EIGHTHS : ASCII_STEPS
  const rising = points.map((value) =>
    value === undefined || most === least ? 0 : ((value - least) / (most - least)) * height * 8,
  )
  const lines = Array.from({ length: height }, (_, line) => {
    const floor = (height - 1 - line) * 8
    const cells = rising.map((eighths) => (steps[clamp(Math.round(eighths) - floor)] ?? ' ').repeat(broad))
    const label = line === height - 1 ? bottom : line === 0 ? (most === least ? '' : top) : ''
    return `${pad(label, margin, 'right')} ${unicode ? '┤' : '|'}${cells.join('')}`.trimEnd()
  })
  return [
    ...lines,
    ...axis(labels, points.length * broad, margin, unicode),
    ...note(values.length, points.length, margin),
  ]
}

function axis(labels: readonly string[], length: number, margin: number, unicode: boolean): string[] {
  const [first = '', last = ''] = [labels[0], labels.at(-1)]
  const rule = `${' '.repeat(margin + 1)}${unicode ? '└' : '+'}${(unicode ? '─' : '-').repeat(length)}`
  const indent = ' '.repeat(margin + 2)
  const between = length - widthOf(first) - widthOf(last)
  if (labels.length < 2 || between < 1) return [rule, `${indent}${first === last ? first : `${first} - ${last}`}`]
  return [rule, `${indent}${first}${' '.repeat(between)}${last}`]
}

function note(figures: number, points: number, margin: number): string[] {
  if (figures === points) return []
  return [`${' '.repeat(margin + 2)}each column is the mean of ${(figures / points).toFixed(1)} figures`]
}

/** At most `room` figures, neighbours averaged. */
function condensed(values: readonly (number | undefined)[], room: number): (number | undefined)[] {
  if (values.length <= room) return [...values]
  return Array.from({ length: room }, (_, place) => {
    const from = Math.floor((place * values.length) / room)
    const until = Math.floor(((place + 1) * values.length) / room)
    const present = values.slice(from, until).filter((value) => value !== undefined)
    return present.length === 0 ? undefined : present.reduce((sum, value) => sum + value, 0) / present.length
  })
}

function clamp(eighths: number): number {
  return Math.max(0, Math.min(8, eighths))
}

function largest(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((most, value) => (value !== undefined && value > most ? value : most), 0)
}

function smallest(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((least, value) => (value !== undefined && value < least ? value : least), 0)
}
