/** What waits for cleaning besides what rules cover. */
import type { Queryable } from '../db/database.ts'
import type { Backlog } from '../model/job.ts'
import { sql } from '../model/sql.ts'

/** Counted at most. */
const MOST = 1_000_000

/** Files whose rows are gone: `oldest` is when the row went. */
export async function tombstoneBacklog(db: Queryable, system: string, schema: string): Promise<Backlog> {
  const found = await db.one<{ rows: bigint; oldest: string | null; bytes: string | null; arrived: bigint }>(sql`
    SELECT COUNT(*) AS rows, MIN(recorded_at) AS oldest, SUM(bytes)::text AS bytes,
           COUNT(*) FILTER (WHERE recorded_at >= now() - interval '1 day') AS arrived
    FROM (
      SELECT recorded_at, bytes
      FROM steward.artifact_tombstones
      WHERE system = ${system}
        AND schema_name = ${schema}
        AND NOT row_stays
      LIMIT ${MOST}
    ) AS due`)
  return {
    rows: found.rows,
    atLeast: found.rows >= BigInt(MOST),
    oldest: found.oldest === null ? null : new Date(found.oldest),
    bytes: found.bytes === null ? 0n : BigInt(found.bytes),
    arrivedInADay: found.arrived,
  }
}
