/** What changed in a row, field by field, for people and for the audit log's readers. */
import { stringifyJson } from '../db/json.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { fieldOf } from './scope.ts'
import { isSameValue } from './typed.ts'

export interface Change {
  readonly field: string
  readonly before: unknown
  readonly after: unknown
  /** Both as people read them: texts without quotes, other values as JSON, null for NULL. */
  readonly texts: readonly [before: string | null, after: string | null]
}

/**
 * The fields whose value differs, in declared order. The time of the last change is left out: it always differs.
 * Secret values are masked.
 */
export function changesBetween(entity: Entity, before: Cells, after: Cells): Change[] {
  return Object.keys(entity.fields).flatMap((key) => {
    const field = fieldOf(entity, key)
    const keptByTrigger = field.kind === 'timestamp' && field.default === 'now()'
    if (keptByTrigger || isSameValue(field, before[key], after[key])) return []
    const [was, is] = [shown(field.secret, before[key]), shown(field.secret, after[key])]
    return [{ field: key, before: was, after: is, texts: [inWords(was), inWords(is)] }]
  })
}

function shown(secret: boolean | undefined, value: unknown): unknown {
  return secret && value !== null ? '***' : value
}

function inWords(value: unknown): string | null {
  return value === null || typeof value === 'string' ? value : stringifyJson(value)
}

/** Names of rows for a message: the first few, and how many more. */
export function someOf(ids: readonly string[], most = 5): string {
  const rest = ids.length - most
  return rest > 0 ? `${ids.slice(0, most).join(', ')} and ${rest} more` : ids.join(', ')
}

/** Rows that could not be changed, with the reason. */
export interface Failure {
  readonly id: string
  readonly reason: string
}
