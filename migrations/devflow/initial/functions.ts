/** The functions that checks and triggers of several tables use. */
import { timeKeeper } from '../../keep-time.ts'

/**
 * `nests_at_most_ten` (decision 57): a path of containers has at most ten of them, the outermost counted. The JSON path
 * looks for an object or array at level 10, where the document itself is level 0; `strict`, since the lax mode looks
 * through arrays of its own accord (PostgreSQL manual, 9.16.2.2). It depends on nothing but its argument and is
 * immutable, as a check must be.
 */
export const functions = (s: string): string[] => [
  `CREATE FUNCTION ${s}.nests_at_most_ten(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN NOT jsonb_path_exists(
  document,
  'strict $.**{10 to last} ? (@.type() == "object" || @.type() == "array")'
)`,
  `COMMENT ON FUNCTION ${s}.nests_at_most_ten(jsonb) IS
  'Whether objects and arrays are nested at most ten deep'`,
  timeKeeper(s),
]

/** The check that a column holds an object, or an array, of at most ten levels. */
export function shape(s: string, table: string, column: string, type: 'object' | 'array'): string {
  return `CONSTRAINT chk_${table}_${column} CHECK (jsonb_typeof(${column}) = '${type}' AND ${s}.nests_at_most_ten(${column}))`
}
