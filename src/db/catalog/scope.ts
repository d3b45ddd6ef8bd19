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

/** True where no extension brought the object into the schema; what one did is the extension's own. */
export function notOfExtension(catalog: 'pg_class' | 'pg_proc' | 'pg_type', oid: Sql): Sql {
  return sql`NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = ${raw(`'pg_catalog.${catalog}'::regclass`)}
      AND d.objid = ${oid}
      AND d.deptype = 'e'
  )`
}
