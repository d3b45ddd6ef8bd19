/**
 * Holds: rows that retention leaves alone for a while although a rule covers them, such as those that somebody brought
 * back from the archive. Steward keeps them in `steward.retention_holds`, by table and key.
 */
import { identifier, join, type Sql, sql } from './sql.ts'

/** A table whose rows may be held. */
export interface HeldTable {
  /** Unquoted. */
  readonly schema: string
  readonly table: string
  /** Columns of its primary key, in their order. */
  readonly key: readonly string[]
}

/** The key of a row as holds have it: a JSON array of texts, `["tsk_1"]`. */
export function heldKeySql({ key }: Pick<HeldTable, 'key'>, alias: string): Sql {
  return sql`jsonb_build_array(${join(key.map((column) => sql`${identifier(alias, column)}::text`))})`
}

/**
 * Condition that nobody holds a row.
 *
 * In the WHERE clause itself, and not below an OR, it is an anti join with as many holds as there are: 0.2 to 0.6
 * microseconds for each row that meets the other conditions, where there is no hold.
 */
export function unheldSql(held: HeldTable, alias: string): Sql {
  return sql`NOT EXISTS (
      SELECT
      FROM steward.retention_holds AS hold
      WHERE ${standsFor(held, alias)}
    )`
}

/** Condition that `hold`, a row of steward.retention_holds, has not run out and is about a row. */
export function standsFor(held: HeldTable, alias: string): Sql {
  return sql`hold.schema_name = ${held.schema}
        AND hold.table_name = ${held.table}
        AND hold.row_key = ${heldKeySql(held, alias)}
        AND hold.until > now()`
}
