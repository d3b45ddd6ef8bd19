/** The types that bound values are cast to. */
import type { Field } from './field.ts'
import { quoteIdentifier, raw, type Sql } from './sql.ts'

/**
 * The type that a bound value of this field is cast to, so that the comparison uses the column's own operators and
 * with them its indexes. A `varchar(n)` column compares as text: a cast to `varchar(n)` would silently cut the value.
 * An array of them compares with its like only.
 *
 * @param schema that holds the system's tables and types, unquoted
 */
export function castIn(schema: string, field: Field): Sql {
  const type = field.sqlType
    .replace(/^character varying(\(\d+\))?$/, 'text')
    .replace(/^character varying\(\d+\)\[\]$/, 'character varying[]')
  return raw(type.replaceAll('{schema}', quoteIdentifier(schema)))
}
