/** What several Agensium reports share. */
import { oneOrAll } from '../../../model/figures.ts'
import type { RetentionRule } from '../../../model/retention.ts'
import { identifier, join, type Sql, sql } from '../../../model/sql.ts'

export const { parameter: userParameter, only: ofUser } = oneOrAll(
  'user_id',
  { entity: 'user', label: 'email', by: 'id or address' },
  'integer',
)

/** Credits of the entries of these types; exact, and 0 of none. */
export const credits = (...types: readonly string[]): Sql =>
  sql`COALESCE(SUM(delta_credits) FILTER (WHERE type = ANY (${types}::text[])), 0)`

/** The same as a positive figure, of entries that are negative. */
export const spent = (...types: readonly string[]): Sql => sql`-${credits(...types)}`

/** When a task ended, as a retention rule counts it. */
export const endOf = ({ ageOf }: RetentionRule): Sql =>
  sql`COALESCE(${join([ageOf].flat().map((key) => identifier(key)))})`

/** The prefix that a rule's files have, made of the row's own fields. */
export function prefixOf({ files }: RetentionRule): Sql {
  const template = files?.prefix ?? ''
  const fields = [...template.matchAll(/\{(\w+)\}/g)].map(([, key = '']) => key)
  return fields.reduce(
    (made, key) => sql`replace(${made}, ${`{${key}}`}::text, ${identifier(key)}::text)`,
    sql`${template}::text`,
  )
}
