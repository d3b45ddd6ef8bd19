/**
 * SQL as a value: text with placeholders and the values bound to them. Composition comes from
 * `sql-template-tag`; what stands here are the few pieces that PostgreSQL identifiers need.
 *
 * Values interpolated into `sql` are always bound. Names go through `identifier`, and only names that a
 * declaration or the catalog vouches for are ever passed to it.
 */
import sqlTag, { empty, join, raw, type Sql } from 'sql-template-tag'

export { empty, join, raw, type Sql, sqlTag as sql }

/**
 * Quotes one SQL identifier (PostgreSQL manual, 4.1.1).
 *
 * @param name bare name, without quotes or dots
 * @throws RangeError when the name cannot be an identifier (empty or containing NUL)
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('not an SQL identifier')
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a text literal for the places that take no parameter (DDL, COPY options). */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('not an SQL text literal')
  const escaped = text.replaceAll("'", "''")
  return text.includes('\\') ? ` E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`
}

/** A quoted, dot-joined identifier as SQL: `identifier('skyvern', 'tasks')` is `"skyvern"."tasks"`. */
export function identifier(...names: readonly string[]): Sql {
  return raw(names.map(quoteIdentifier).join('.'))
}

/** Joins conditions with AND; no condition is `TRUE`. */
export function allOf(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? raw('TRUE') : join(conditions, '\n  AND ')
}
