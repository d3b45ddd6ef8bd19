/** How bound values go to the server. The driver does most of it; JSON must keep its digits. */
import { stringifyJson } from './json.ts'

/**
 * A value as the driver can bind it: objects become JSON text with exact digits, arrays stay arrays (PostgreSQL
 * arrays; a JSON array is bound as text by whoever knows that it is JSON), bigint becomes its digits.
 */
export function bindable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(bindable)
  if (value instanceof Date || ArrayBuffer.isView(value)) return value
  return stringifyJson(value)
}
