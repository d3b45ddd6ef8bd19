/** Comparing and reading JSON values; parsing and printing them is in `db/json.ts`, which keeps every digit. */
import { LosslessNumber } from 'lossless-json'
import { stringifyJson } from '../db/json.ts'

/** The value with ordinary numbers in place of exact ones, for code that asks `typeof`. */
export function plainJson(value: unknown): unknown {
  return JSON.parse(stringifyJson(value))
}

/** What is nested deeper than this is no data, and would exhaust the stack of whoever walks it. */
export const MOST_LEVELS = 500

/** True when arrays and objects are nested deeper than `MOST_LEVELS`; asks level by level, never recursing. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) return true
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return false
}

/**
 * True when two JSON values are equal as `jsonb` compares them: the order of keys does not count. What is too deep is
 * equal to nothing.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (isTooDeep(a) || isTooDeep(b)) return false
  return stringifyJson(sorted(a)) === stringifyJson(sorted(b))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof LosslessNumber) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]))
}
