/**
 * The opaque text that stands for a place in a list: base64url of JSON with the sort keys of the last row seen and a
 * digest of what the list was (entity, order, filters). A cursor used with anything else is refused, because it would
 * silently skip or repeat rows.
 */
import { createHash } from 'node:crypto'
import { InvalidValue, UsageError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Filter } from './filters.ts'
import { fieldOf, type Scope } from './scope.ts'
import { type SortKey, sortText } from './sort.ts'
import { parseValue, type Value } from './values.ts'

const VERSION = 1

/** What a cursor belongs to. */
export interface Listing {
  readonly sort: readonly SortKey[]
  readonly filters: readonly Filter[]
}

/** The cursor for what comes after `row`, which must hold the sort keys. Values stay text, so no digit is lost. */
export function cursorAfter(scope: Scope, listing: Listing, row: Cells): string {
  const keys = listing.sort.map(({ field }) => {
    const value = row[field]
    return value === null || value === undefined ? null : String(value)
  })
  return Buffer.from(JSON.stringify([VERSION, digest(scope, listing), ...keys])).toString('base64url')
}

/**
 * The sort keys that a cursor carries.
 *
 * @throws UsageError (exit 2): `invalid-cursor` when it is damaged, `cursor-mismatch` when it belongs to another list
 */
export function readCursor(scope: Scope, listing: Listing, cursor: string): (Value | null)[] {
  const [version, made, ...keys] = decoded(cursor)
  if (version !== VERSION || typeof made !== 'string') throw damaged()
  if (made !== digest(scope, listing)) {
    throw new UsageError({
      code: 'cursor-mismatch',
      message: '--after carries a cursor of another list: its entity, sort or filters differ',
      hint: 'Repeat the command that printed it with the same --sort and filters, or leave --after out',
    })
  }
  if (keys.length !== listing.sort.length) throw damaged()
  return listing.sort.map((key, index) => keyValue(scope, key, keys[index]))
}

function keyValue(scope: Scope, key: SortKey, carried: unknown): Value | null {
  const field = fieldOf(scope.entity, key.field)
  if (carried === null && field.nullable) return null
  if (typeof carried !== 'string') throw damaged()
  try {
    // Not as a moment: what the database printed is an instant already, also beyond the year 9999 or infinite.
    if (field.kind === 'timestamp') return instant(carried)
    return parseValue(field, carried)
  } catch (error) {
    if (error instanceof InvalidValue) throw damaged()
    throw error
  }
}

function instant(text: string): string {
  if (/^-?infinity$/.test(text) || /^[+-]?\d{4,6}-\d\d-\d\d[T ][\d:.]{8,15}(Z|[+-][\d:]{2,8})( BC)?$/.test(text))
    return text
  throw new InvalidValue('must be an instant')
}

function decoded(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(content)) return content
  } catch {
    // Falls through: whatever was wrong with it, it is no cursor of ours.
  }
  throw damaged()
}

function damaged(): UsageError {
  return new UsageError({
    code: 'invalid-cursor',
    message: '--after is no cursor that a list printed',
    hint: 'Copy the whole cursor from the end of the list, or leave --after out',
  })
}

/** The order of filters does not matter; a relative time counts as it was typed, since every page moves on with now(). */
function digest({ system, entity }: Scope, { sort, filters }: Listing): string {
  const canonical = [
    system.name,
    entity.name,
    sortText(sort),
    ...filters.map((filter) => JSON.stringify(filter)).sort(),
  ]
  return createHash('sha256').update(JSON.stringify(canonical)).digest('base64url').slice(0, 16)
}
