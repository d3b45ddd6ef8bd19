import type { Queryable } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'

/**
 * True while a session of this database waits for a lock; the tests beside have databases of their own to wait in. Locks
 * on transactions name no database, but whoever waits for one has others. pg_stat_activity would tell, yet says the same
 * to the end of a transaction (PostgreSQL manual, 27.2).
 */
export async function somebodyWaits(
  db: Queryable,
  { kind = null, mode = null }: { readonly kind?: string | null; readonly mode?: string | null } = {},
): Promise<boolean> {
  const waiting = await db.rows(sql`
    SELECT
    FROM pg_locks AS l
    WHERE NOT l.granted
      AND l.locktype = COALESCE(${kind}::text, l.locktype)
      AND l.mode = COALESCE(${mode}::text, l.mode)
      AND l.pid IN (
        SELECT own.pid
        FROM pg_locks AS own
        JOIN pg_database AS d ON d.oid = own.database
        WHERE d.datname = current_database()
      )`)
  return waiting.length > 0
}
