import type { Queryable } from '../../src/db/database.ts'
import { sql } from '../../src/model/sql.ts'

/** True while a session of this database waits for a lock; the tests beside have databases of their own to wait in. */
export async function somebodyWaits(
  db: Queryable,
  { kind = null, mode = null }: { readonly kind?: string | null; readonly mode?: string | null } = {},
): Promise<boolean> {
  const waiting = await db.rows(sql`
    SELECT
    FROM pg_locks AS l
    JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE NOT l.granted
      AND a.datname = current_database()
      AND l.locktype = COALESCE(${kind}::text, l.locktype)
      AND l.mode = COALESCE(${mode}::text, l.mode)`)
  return waiting.length > 0
}
