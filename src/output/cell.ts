/** Values as people read them: human units, UTC times, nothing that could steer a terminal. */
import type { Column, Tone } from '../model/column.ts'
import { visible } from './escape.ts'
import {
  formatAverage,
  formatBytes,
  formatCount,
  formatFloat,
  formatMegabytes,
  formatPercent,
  formatRelative,
  formatSeconds,
  formatTimestamp,
} from './format.ts'
import type { Glyphs, Paint } from './streams.ts'
import { exactDigits, jsonText } from './value.ts'

export interface Look {
  readonly glyphs: Glyphs
}

/**
 * The cell on one line, escaped, not coloured. NULL is a dash, so that it differs from an empty text.
 *
 * @param timesSince where given, times are shown as how long before this they were
 */
export function cellText(value: unknown, column: Column, look: Look, timesSince?: Date): string {
  if (value === null || value === undefined) return look.glyphs.none
  if (column.unit !== undefined) {
    const figure = withUnit(value, column.unit)
    if (figure !== undefined) return figure
  }
  if (column.kind === 'json') return jsonText(value)
  if (Array.isArray(value)) return visible(value.join(', '))
  if (column.kind === 'timestamp') {
    const relative = timesSince && formatRelative(isoOf(value), timesSince)
    return visible(relative ?? formatTimestamp(isoOf(value)))
  }
  if (typeof value === 'number' && column.kind === 'float') return formatFloat(value)
  if (typeof value === 'object') return jsonText(value)
  return visible(String(value))
}

function isoOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value)
}

function withUnit(value: unknown, unit: NonNullable<Column['unit']>): string | undefined {
  const exact = typeof value === 'string' ? value : (exactDigits(value) ?? String(value))
  const figure = Number(exact)
  if (exact.trim() === '' || Number.isNaN(figure)) return undefined
  switch (unit) {
    case 'bytes':
      return formatBytes(figure)
    case 'megabytes':
      return formatMegabytes(figure)
    case 'seconds':
      return formatSeconds(figure)
    case 'milliseconds':
      return formatSeconds(figure / 1000)
    case 'percent':
      return formatPercent(figure)
    case 'count':
      return formatCount(Number.isInteger(figure) ? exact : formatFloat(figure))
    case 'average':
      return formatAverage(figure)
  }
}

/** Where the column stands: figures right, so that their digits line up; everything else left. */
export function alignOf(column: Column): 'left' | 'right' {
  const isNumber = ['integer', 'bigint', 'float', 'numeric'].includes(column.kind)
  return isNumber || column.unit !== undefined ? 'right' : 'left'
}

/** Heading of a column for people: `created at`. */
export function labelOf(column: Column): string {
  return visible(column.label ?? column.key.replaceAll('_', ' '))
}

const TONES: Readonly<Record<Tone, keyof Paint>> = { good: 'green', bad: 'red', active: 'yellow', idle: 'dim' }

/** The colour for a cell: NULL is dim, a status word has that of its tone. */
export function colorOf(value: unknown, column: Column, paint: Paint): (text: string) => string {
  if (value === null || value === undefined) return paint.dim
  const tone = typeof value === 'string' ? column.tones?.[value] : undefined
  return tone === undefined ? asIs : paint[TONES[tone]]
}

const asIs = (text: string) => text
