/**
 * Ready-made CHECK constraints, with the expressions as `pg_get_expr` prints them. The legal values of a text and the
 * order of two times stand beside `Check` itself.
 */
import type { Check } from './entity.ts'

/** A JSON column holds an object. */
export const holdsObject = (name: string, field: string): Check => ({
  name,
  expression: `(jsonb_typeof(${field}) = 'object'::text)`,
  says: 'must be a JSON object',
  fields: [field],
})

/** A whole number is 0 or more, or 1 or more. */
export const reaches = (name: string, field: string, lowest: 0 | 1): Check => ({
  name,
  expression: lowest === 0 ? `(${field} >= 0)` : `(${field} > 0)`,
  says: `must be at least ${lowest}`,
  fields: [field],
})

/** A `varchar` holds an e-mail address, in lower case, so that no two spellings of it are told apart. */
export const holdsAddress = (name: string, field: string): Check => ({
  name,
  expression: `(((${field})::text = lower((${field})::text)) AND (strpos((${field})::text, '@'::text) > 1))`,
  says: 'must be an e-mail address in lower case',
  fields: [field],
})

/** A `varchar` holds a bcrypt hash, never a password. */
export const holdsBcrypt = (name: string, field: string): Check => ({
  name,
  expression: `((${field})::text ~ '^\\$2[aby]\\$[0-9]{2}\\$[./A-Za-z0-9]{53}$'::text)`,
  says: 'must be a bcrypt hash',
  fields: [field],
})
