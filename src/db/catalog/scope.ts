/** What the questions to the catalog have in common. */
import { raw, type Sql, sql } from '../../model/sql.ts'
import type { Database, Queryable } from '../database.ts'

/**
 * Runs `work` in one snapshot where no name is on the search path, so that expressions and types from the catalog are
 * always printed with their schema. Without it a role that is named like the schema gets them bare (`"$user"`).
 */
export function withQualifiedNames<T>(db: Database, work: (catalog: Queryable) => Promise<T>): Promise<T> {
  return db.transaction(
    async (tx) => {
      await tx.execute(sql`SET LOCAL search_path = ''`)
      return work(tx)
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/** The names behind a constraint's column numbers, in their order. */
export function columnNames(relation: Sql, numbers: Sql): Sql {
  return sql`ARRAY(
    SELECT a.attname::text
    FROM unnest(${numbers}) WITH ORDINALITY AS key (number, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = ${relation} AND a.attnum = key.number
    ORDER BY key.position
  )`
}

/** When a constraint is checked: `initially …` ones are deferrable (PostgreSQL manual, CREATE TABLE). */
export type Deferrability = 'not deferrable' | 'initially immediate' | 'initially deferred'

/** The deferrability of the constraint `k`. */
export const deferrability: Sql = raw(`CASE
             WHEN k.condeferred THEN 'initially deferred'
             WHEN k.condeferrable THEN 'initially immediate'
             ELSE 'not deferrable'
           END`)

/** Whether a constraint holds for every row: `not valid` ones only for rows that were written since (ALTER TABLE). */
export type Validity = 'valid' | 'not valid' | 'not enforced'

/** The validity of the constraint `k`. PostgreSQL before 18 enforces all and has no column to say so. */
export const validity: Sql = raw(`CASE
             WHEN to_jsonb(k) ->> 'conenforced' = 'false' THEN 'not enforced'
             WHEN NOT k.convalidated THEN 'not valid'
             ELSE 'valid'
           END`)

/**
 * True where the object is nobody's part: neither brought by an extension, nor made along with something else, as the
 * sequence of an identity column and the functions of a range type are (PostgreSQL manual, pg_depend).
 */
export function ofItsOwn(catalog: 'pg_class' | 'pg_proc' | 'pg_type', oid: Sql): Sql {
  return sql`NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = ${raw(`'pg_catalog.${catalog}'::regclass`)}
      AND d.objid = ${oid}
      AND (
        d.deptype = 'e'
        -- A composite type's row in pg_class is a part of the one in pg_type, and speaks for both; and columns that
        -- are a partition key are parts of their table.
        OR d.deptype = 'i'
          AND d.objsubid = 0
          AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_type'::regclass)
      )
  )`
}
