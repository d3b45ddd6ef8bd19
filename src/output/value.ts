/**
 * Values on their way to a machine: exact. A cell becomes JSON text, or the plain text of a CSV or TSV cell, by the
 * kind of its column. No digit is lost: bigint and numeric are written as their digits, never through a double.
 */
import type { Column } from '../model/column.ts'
import { quoted } from './escape.ts'

/** A number known by its decimal digits only. */
class ExactNumber {
  readonly digits: string
  constructor(digits: string) {
    this.digits = digits
  }
}

/** The grammar of a JSON number (RFC 8259, section 6). */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** A cell as a tree of plain values, bigint and ExactNumber; NaN and the infinities become strings. */
function treeOf(value: unknown, column: Column): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') {
    const isNumber = column.kind === 'numeric' || column.kind === 'bigint' || column.kind === 'integer'
    return isNumber && JSON_NUMBER.test(value) ? new ExactNumber(value) : value
  }
  return value
}

/** Whether the value is a number of lossless-json, which the driver uses inside json columns. */
function isLosslessNumber(value: object): value is { readonly value: string } {
  return 'isLosslessNumber' in value && value.isLosslessNumber === true && 'value' in value
}

/** The digits of a value that is one exact number. */
export function exactDigits(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof ExactNumber) return value.digits
  if (typeof value === 'object' && value !== null && isLosslessNumber(value)) return String(value.value)
  return undefined
}

/** An array or object that is being written. */
interface Open {
  readonly keys: readonly string[] | undefined
  readonly members: readonly unknown[]
  readonly close: string
  /** How many of the members are written. */
  written: number
}

/**
 * JSON text of any tree of values, however deep: a `json` column holds what would exhaust the stack of a recursion.
 * Control characters that JSON allows raw (DEL, C1, bidirectional marks) are written as `\u` escapes, which every
 * parser reads back and no terminal obeys.
 *
 * @param indent spaces a level; 0 for one line
 * @param margin spaces before every line but the first
 */
export function jsonText(value: unknown, indent = 0, margin = 0): string {
  const open: Open[] = []
  const lineBreak = () => (indent === 0 ? '' : `\n${' '.repeat(margin + indent * open.length)}`)
  let text = ''
  const begin = (one: unknown) => {
    if (typeof one !== 'object' || one === null) {
      text += scalarText(one)
      return
    }
    const whole = exactDigits(one) ?? (one instanceof Date ? dateText(one) : undefined)
    if (whole !== undefined) {
      text += whole
      return
    }
    text += Array.isArray(one) ? '[' : '{'
    open.push(opened(one))
  }
  begin(value)
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const { keys, members, written } = last
    if (written === members.length) {
      open.pop()
      text += (written > 0 ? lineBreak() : '') + last.close
      continue
    }
    text += (written > 0 ? ',' : '') + lineBreak()
    if (keys) text += `${quoted(keys[written] ?? '')}:${indent > 0 ? ' ' : ''}`
    last.written++
    begin(members[written])
  }
  return text
}

function opened(value: object): Open {
  if (Array.isArray(value)) return { keys: undefined, members: value, close: ']', written: 0 }
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && typeof one !== 'function')
  return { keys: entries.map(([key]) => key), members: entries.map(([, one]) => one), close: '}', written: 0 }
}

function scalarText(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return quoted(String(value))
}

function dateText(value: Date): string {
  return Number.isNaN(value.getTime()) ? 'null' : quoted(value.toISOString())
}

/** A row as a tree, its members in the order of the columns. */
export function rowTree(row: Readonly<Record<string, unknown>>, columns: readonly Column[]): Record<string, unknown> {
  // Null prototype: a column may be called `__proto__`.
  const tree: Record<string, unknown> = Object.create(null)
  for (const column of columns) tree[column.key] = treeOf(row[column.key], column)
  return tree
}

/** A cell as the text that CSV and TSV quote or escape; null for NULL. Arrays and json are JSON text. */
export function plainText(value: unknown, column: Column): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return column.kind === 'json' ? jsonText(value) : value
  if (typeof value === 'number' || typeof value === 'boolean')
    return column.kind === 'json' ? jsonText(value) : String(value)
  return value instanceof Date ? value.toISOString() : jsonText(value)
}
