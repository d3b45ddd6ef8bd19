/** Which batches are to be exported, and what waits for it. */
import type { Queryable } from '../../db/database.ts'
import { NotFoundError, RefusedError } from '../../errors.ts'
import type { Backlog } from '../../model/job.ts'
import { allOf, type Sql, sql } from '../../model/sql.ts'

/** A batch whose rows lie in the archive tables. */
export interface DueBatch {
  readonly id: bigint
  readonly schema: string
  readonly rule: string
  /** ISO 8601, UTC. */
  readonly archivedAt: string
  readonly roots: bigint
  readonly rows: bigint
}

export interface DueFilter {
  /** All of them when absent. */
  readonly schemas?: readonly string[]
  /** PostgreSQL interval since they were archived. */
  readonly olderThan?: string
}

/** Batches that are due, oldest first. @throws RefusedError when `olderThan` is no interval */
export function dueBatches(db: Queryable, filter: DueFilter): Promise<DueBatch[]> {
  return db.rows<DueBatch>(sql`
    ${select}
    WHERE ${due(filter)}
    ORDER BY b.archived_at, b.batch_id`)
}

/**
 * Batches by their ids, in that order.
 *
 * @throws NotFoundError naming all that are not there; RefusedError naming those that are not in the archive tables
 */
export async function namedBatches(db: Queryable, ids: readonly bigint[]): Promise<DueBatch[]> {
  const wanted = [...new Set(ids)]
  const found = await db.rows<DueBatch & { state: string }>(sql`
    ${select}
    WHERE b.batch_id = ANY (${wanted}::bigint[])
    ORDER BY array_position(${wanted}::bigint[], b.batch_id)`)
  const missing = wanted.filter((id) => !found.some((batch) => batch.id === id))
  if (missing.length > 0) {
    throw new NotFoundError({
      code: 'no-such-batch',
      message: `There is no archive batch ${missing.join(', ')}`,
      hint: 'steward archive list shows those that there are',
    })
  }
  const others = found.filter(({ state }) => state !== 'archived')
  if (others.length === 0) return found
  throw new RefusedError({
    code: 'not-in-archive-tables',
    message: `Only batches whose rows lie in the archive tables can be exported`,
    hint: 'Leave these out; steward archive list --state archived shows the others',
    problems: others.map(({ id, state }) => ({ where: `batch ${id}`, reason: `it is ${state}` })),
  })
}

/** What waits to be exported; rows are those that the batches' records say. */
export async function exportBacklog(
  db: Queryable,
  filter: DueFilter & { readonly olderThan: string },
): Promise<Backlog> {
  const { rows, oldest, arrived } = await db.one<{ rows: bigint; oldest: string | null; arrived: bigint }>(sql`
    SELECT COALESCE(sum(t.rows), 0)::bigint AS rows,
           min(b.archived_at) AS oldest,
           COALESCE(sum(t.rows) FILTER (
             WHERE b.archived_at >= now() - ${filter.olderThan}::interval - interval '1 day'
           ), 0)::bigint AS arrived
    FROM steward.archive_batches AS b
    JOIN steward.archive_batch_tables AS t USING (batch_id)
    WHERE ${due(filter)}`)
  return {
    rows,
    atLeast: false,
    oldest: oldest === null ? null : new Date(oldest),
    bytes: null,
    arrivedInADay: arrived,
  }
}

const select = sql`
    SELECT b.batch_id AS id, b.schema_name AS schema, b.rule, b.archived_at AS "archivedAt", b.roots, b.state,
           (SELECT COALESCE(sum(t.rows), 0)::bigint
            FROM steward.archive_batch_tables AS t
            WHERE t.batch_id = b.batch_id) AS rows
    FROM steward.archive_batches AS b`

function due({ schemas, olderThan }: DueFilter): Sql {
  return allOf([
    sql`b.state = 'archived'`,
    ...(schemas === undefined ? [] : [sql`b.schema_name = ANY (${[...schemas]}::text[])`]),
    ...(olderThan === undefined ? [] : [sql`b.archived_at < now() - ${olderThan}::interval`]),
  ])
}
