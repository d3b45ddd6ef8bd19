/** What the lines of a plan file say, and whether a text is such a line. */

/** A database, told from others of the same name: two restores of one backup are told apart by their oid at most. */
export interface DatabaseIdentity {
  readonly name: string
  readonly oid: string
  /** Of the cluster (PostgreSQL manual, 9.28.10); null where the role may not ask. */
  readonly system: string | null
}

export interface Header {
  readonly kind: 'header'
  readonly version: 1
  readonly database: DatabaseIdentity
  readonly stores: readonly { readonly name: string; readonly url: string }[]
  /** Systems whose rows were looked at for missing files. */
  readonly systems: readonly string[]
  /** Files and rows younger than this many milliseconds were left alone. */
  readonly minAgeMs: number
  readonly started: string
}

/** A file that nobody stands for. */
export interface Orphan {
  readonly kind: 'orphan'
  readonly store: string
  readonly path: string
  readonly bytes: number
  readonly modifiedAt: string
}

/** A row whose file is not there. */
export interface Missing {
  readonly kind: 'missing'
  readonly table: string
  readonly id: string
  readonly uri: string
}

export interface StoreTotals {
  readonly files: number
  readonly bytes: number
  /** Left alone for their age. */
  readonly young: number
  readonly orphans: number
  readonly orphanBytes: number
  readonly skipped: number
}

export interface TableTotals {
  readonly rows: number
  readonly young: number
  readonly missing: number
  /** Rows whose URI no store holds, by place. */
  readonly unchecked: Readonly<Record<string, number>>
}

/** How far a store, or a table, was walked. `after` is null once it was walked to its end. */
export type Checkpoint =
  | {
      readonly kind: 'checkpoint'
      readonly store: string
      readonly after: string | null
      readonly totals: StoreTotals
    }
  | {
      readonly kind: 'checkpoint'
      readonly table: string
      readonly after: string | null
      readonly totals: TableTotals
    }

export interface Complete {
  readonly kind: 'complete'
  readonly ended: string
}

export type Line = Header | Orphan | Missing | Checkpoint | Complete

/** The line that a text is; undefined when it is none. */
export function lineIn(text: string): Line | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isLine(value) ? value : undefined
}

/** Whether what was read is a line of a plan; files are edited, and moving files is no place for guesses. */
function isLine(value: unknown): value is Line {
  if (!isObject(value)) return false
  switch (value.kind) {
    case 'header':
      return (
        value.version === 1 &&
        isObject(value.database) &&
        isText(value.database.name) &&
        isText(value.database.oid) &&
        (value.database.system === null || isText(value.database.system)) &&
        isListOf(value.stores, (one) => isObject(one) && isText(one.name) && isText(one.url)) &&
        isListOf(value.systems, isText) &&
        isCount(value.minAgeMs) &&
        isInstant(value.started)
      )
    case 'orphan':
      return isText(value.store) && isText(value.path) && isCount(value.bytes) && isInstant(value.modifiedAt)
    case 'missing':
      return isText(value.table) && isText(value.id) && isText(value.uri)
    case 'checkpoint': {
      if (value.after !== null && !isText(value.after)) return false
      const { totals } = value
      if (!isObject(totals)) return false
      if (isText(value.store)) {
        return ['files', 'bytes', 'young', 'orphans', 'orphanBytes', 'skipped'].every((key) => isCount(totals[key]))
      }
      return (
        isText(value.table) &&
        ['rows', 'young', 'missing'].every((key) => isCount(totals[key])) &&
        isObject(totals.unchecked) &&
        Object.values(totals.unchecked).every(isCount)
      )
    }
    case 'complete':
      return isInstant(value.ended)
    default:
      return false
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isInstant(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

function isListOf(value: unknown, is: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is)
}
