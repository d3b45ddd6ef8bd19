/** Sizes on disk without waiting behind a lock. */
import { type Sql, sql } from '../model/sql.ts'

/**
 * A size as SQL. PostgreSQL's size functions open the relation, and so wait behind an ACCESS EXCLUSIVE lock; for a
 * relation that is locked so, its size at the last vacuum or analyze stands in.
 *
 * @param size call of a size function
 * @param oid the relation's oid
 * @param pages its relpages
 */
export function sizeUnlessLocked(size: Sql, oid: Sql, pages: Sql): Sql {
  return sql`CASE
        WHEN EXISTS (
          SELECT 1
          FROM pg_locks l
          WHERE l.locktype = 'relation'
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND l.relation = ${oid}
            AND l.mode = 'AccessExclusiveLock'
            AND l.granted
        ) THEN ${pages}::bigint * current_setting('block_size')::bigint
        ELSE ${size}
      END`
}
