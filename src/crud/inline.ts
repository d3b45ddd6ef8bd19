/**
 * A statement with its values written into the text, for COPY, which takes no parameters (PostgreSQL manual, COPY).
 *
 * Every value becomes a quoted text literal, whatever its type: our statements cast each one where it stands, so the
 * server reads it by the column's type and none can end its own quotes. The other way, a cursor with real parameters,
 * would move every row through the driver and cost most of COPY's speed.
 */
import { quoteLiteral, type Sql } from '../model/sql.ts'

/** @throws RangeError (a bug) for a value that has no literal */
export function inlined(statement: Sql): string {
  return statement.strings.reduce((text, part, index) => text + literal(statement.values[index - 1]) + part)
}

function literal(value: unknown): string {
  if (value === null) return 'NULL'
  if (Array.isArray(value)) return quoteLiteral(`{${value.map(arrayElement).join(',')}}`)
  switch (typeof value) {
    case 'string':
      return quoteLiteral(value)
    case 'number':
    case 'bigint':
    case 'boolean':
      return quoteLiteral(String(value))
    default:
      throw new RangeError(`no SQL literal for a value of type ${typeof value}`)
  }
}

/** An element of an array literal (PostgreSQL manual, 8.15.6), always quoted so that NULL stays a word. */
function arrayElement(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError('only arrays of texts have an SQL literal')
  return `"${value.replace(/[\\"]/g, '\\$&')}"`
}
