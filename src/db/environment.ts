/** The environment marker: what a database says of itself, so that no profile can mistake production for a playground. */
import { ENVIRONMENTS, type Environment } from '../config/config.ts'
import { sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'
import { hasOwnTable } from './own-schema.ts'

/**
 * The marker; undefined when none is set or Steward's schema is not there.
 *
 * @throws OperationError when the role may not read it: an unreadable marker is not an absent one
 */
export async function readEnvironment(db: Queryable): Promise<Environment | undefined> {
  if (!(await hasOwnTable(db, 'environment'))) return undefined
  const row = await db.maybeOne<{ name: string }>(sql`SELECT name FROM steward.environment`)
  return ENVIRONMENTS.find((environment) => environment === row?.name)
}

/**
 * Sets or changes the marker.
 *
 * @param by who sets it, `user@host`
 * @throws OperationError with the hint to migrate when Steward's schema is not there
 */
export async function setEnvironment(db: Queryable, environment: Environment, by: string): Promise<void> {
  await db.execute(sql`
    INSERT INTO steward.environment (name, set_by)
    VALUES (${environment}, ${by})
    ON CONFLICT (only_row) DO UPDATE
    SET name = excluded.name, set_by = excluded.set_by, set_at = now()
    WHERE environment.name <> excluded.name
  `)
}
