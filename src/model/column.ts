/**
 * What a value is, seen from outside: enough for a renderer to align, format and serialise it without
 * knowing where it came from. Entity fields and report columns both are columns.
 */
import type { Json } from '../errors.ts'

/** The kinds of value that Steward reads and writes, with their TypeScript form in `KindValue`. */
export type Kind =
  | 'text'
  | 'integer'
  | 'bigint'
  | 'float'
  | 'numeric'
  | 'boolean'
  | 'timestamp'
  | 'date'
  | 'json'
  | 'uuid'
  | 'enumeration'
  | 'textArray'

/**
 * How each kind is held in memory. Nothing loses digits: `bigint` is a JavaScript bigint, `numeric` its exact
 * decimal text, `timestamp` an ISO 8601 UTC text with all of PostgreSQL's microseconds.
 */
export interface KindValue {
  text: string
  integer: number
  bigint: bigint
  float: number
  numeric: string
  boolean: boolean
  timestamp: string
  date: string
  json: Json
  uuid: string
  enumeration: string
  textArray: readonly string[]
}

/** What a number counts, so that a person gets `1.4 GiB` or `3m 12s` and a machine the raw figure. */
export type Unit = 'bytes' | 'megabytes' | 'seconds' | 'milliseconds' | 'percent' | 'count' | 'average'

/** What a status word means at a glance; the renderer picks the colour. */
export type Tone = 'good' | 'bad' | 'active' | 'idle'

export interface Column {
  /** Name in machine output, and the property of the row. */
  readonly key: string
  /** Heading for people; the key with spaces when absent. */
  readonly label?: string
  readonly kind: Kind
  readonly unit?: Unit
  /** Meaning of the words in this column, for colour on a terminal: `{ failed: 'bad' }`. */
  readonly tones?: Readonly<Record<string, Tone>>
  /** Never shown unless `--reveal` names it. */
  readonly secret?: boolean
  /** One line for help and documentation. */
  readonly summary?: string
}

/** A row as renderers and exporters see it. */
export type Cells = Readonly<Record<string, unknown>>
