/** Which relations are locked, and sizes on disk without waiting behind a lock. */
import { type Sql, sql } from '../model/sql.ts'

/**
 * As SQL: whether even a reader would wait, because another session has an ACCESS EXCLUSIVE lock on the relation or is
 * in the queue for one (PostgreSQL grants in the order of the queue).
 */
export function lockedForReaders(oid: Sql): Sql {
  return sql`EXISTS (
          SELECT 1
          FROM pg_locks l
          WHERE l.locktype = 'relation'
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND l.relation = ${oid}
            AND l.mode = 'AccessExclusiveLock'
            AND l.pid <> pg_backend_pid()
        )`
}

/**
 * A size as SQL. PostgreSQL's size functions open the relation like a reader; for one that is locked for readers, its
 * size at the last vacuum or analyze stands in.
 *
 * @param size call of a size function
 * @param oid the relation's oid
 * @param pages its relpages
 */
export function sizeUnlessLocked(size: Sql, oid: Sql, pages: Sql): Sql {
  return sql`CASE
        WHEN ${lockedForReaders(oid)} THEN ${pages}::bigint * current_setting('block_size')::bigint
        ELSE ${size}
      END`
}
