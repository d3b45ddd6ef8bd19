/** Archive batches as they are recorded: a list, newest first, and one in detail. */
import { archiveSchemaOf } from '../config/config.ts'
import { columns } from '../db/catalog.ts'
import type { Database, Queryable } from '../db/database.ts'
import { NotFoundError } from '../errors.ts'
import { type Moment, momentSql } from '../model/moment.ts'
import { allOf, identifier, raw, type Sql, sql } from '../model/sql.ts'
import { BATCH_COLUMN } from './record.ts'

export const BATCH_STATES = ['archived', 'cold', 'restored'] as const
export type BatchState = (typeof BATCH_STATES)[number]

export interface Batch {
  readonly batch: bigint
  readonly schema: string
  /** Table of its roots. */
  readonly table: string
  readonly rule: string
  readonly state: BatchState
  readonly archived_at: string
  /** Roots that it took. */
  readonly roots: bigint
  /** Rows of it that are in the archive now, all tables together. */
  readonly rows: bigint
  /** Least and greatest age instant of its roots. */
  readonly oldest: string | null
  readonly newest: string | null
  /** Manifest of its cold files; also where its rows lie in the archive tables beside them. */
  readonly cold_uri: string | null
  /** Schema of its archive tables, or address of its files; null when nothing of it is left. */
  readonly where: string | null
}

export interface BatchFilter {
  /** Unquoted schemas; all when absent. */
  readonly schemas?: readonly string[] | undefined
  /** Names of rules as batches record them. */
  readonly rules?: readonly string[] | undefined
  readonly states?: readonly BatchState[] | undefined
  /** Half-open window over the instant of archiving. */
  readonly since?: Moment | undefined
  readonly until?: Moment | undefined
  readonly batches?: readonly bigint[] | undefined
}

const HEAD = sql`
      b.batch_id AS batch,
      b.schema_name AS schema,
      b.root_table AS "table",
      b.rule,
      b.state,
      b.archived_at,
      b.roots,
      COALESCE(t.rows, 0)::bigint AS rows,
      b.oldest,
      b.newest,
      b.cold_uri,
      CASE b.state
        WHEN 'archived' THEN b.schema_name || ${archiveSchemaOf('')}
        WHEN 'cold' THEN b.cold_uri
      END AS "where"`

const ROWS = sql`
    LEFT JOIN LATERAL (
      SELECT sum(t.rows) AS rows
      FROM steward.archive_batch_tables AS t
      WHERE t.batch_id = b.batch_id
    ) AS t ON TRUE`

/**
 * Batches by number downwards: the newest first.
 *
 * @param after number of the last batch of the page before
 * @param limit all of them when absent
 */
export function listBatches(
  db: Queryable,
  filter: BatchFilter,
  { after, limit }: { readonly after?: bigint | undefined; readonly limit?: number | undefined } = {},
): Promise<Batch[]> {
  return db.rows<Batch>(sql`
    SELECT ${HEAD}
    FROM steward.archive_batches AS b
    ${ROWS}
    WHERE ${filterSql(filter)}
      AND (${after ?? null}::bigint IS NULL OR b.batch_id < ${after ?? null}::bigint)
    ORDER BY b.batch_id DESC
    LIMIT ${limit ?? null}::bigint`)
}

/** Condition on `steward.archive_batches AS b`. */
function filterSql({ schemas, rules, states, since, until, batches }: BatchFilter): Sql {
  const among = (column: string, values: readonly string[] | undefined) =>
    values === undefined ? [] : [sql`b.${identifier(column)} = ANY (${[...values]}::text[])`]
  return allOf([
    ...among('schema_name', schemas),
    ...among('rule', rules),
    ...among('state', states),
    ...(since === undefined ? [] : [sql`b.archived_at >= ${momentSql(since)}`]),
    ...(until === undefined ? [] : [sql`b.archived_at < ${momentSql(until)}`]),
    ...(batches === undefined ? [] : [sql`b.batch_id = ANY (${[...batches]}::bigint[])`]),
  ])
}

/** Schemas of which something was archived. */
export async function archivedSchemas(db: Queryable): Promise<string[]> {
  const found = await db.rows<{ schema: string }>(sql`
    SELECT DISTINCT b.schema_name AS schema
    FROM steward.archive_batches AS b
    ORDER BY 1`)
  return found.map(({ schema }) => schema)
}

/** Schemas and rules of which something was archived, as `public/orders`. */
export async function archivedRules(db: Queryable): Promise<string[]> {
  const found = await db.rows<{ name: string }>(sql`
    SELECT DISTINCT b.schema_name || '/' || b.rule AS name
    FROM steward.archive_batches AS b
    ORDER BY 1`)
  return found.map(({ name }) => name)
}

/** The batches of these numbers, in descending order. @throws NotFoundError naming those that are not there */
export async function requireBatches(db: Queryable, batches: readonly bigint[]): Promise<Batch[]> {
  const found = await listBatches(db, { batches })
  const known = new Set(found.map(({ batch }) => batch))
  const missing = batches.filter((batch) => !known.has(batch))
  if (missing.length === 0) return found
  throw new NotFoundError({
    code: 'batch-not-found',
    message: `There is no archive batch ${missing.join(', ')}`,
    hint: 'steward archive list shows the batches',
    details: { missing: missing.map(Number) },
  })
}

export interface BatchDetails extends Batch {
  readonly cold_sha256: string | null
  readonly exported_at: string | null
  readonly released_at: string | null
  readonly run: RunOfBatch | null
  readonly tables: readonly TableOfBatch[]
  readonly detached: readonly DetachedOfBatch[]
  /** Files that rows of it stand for, where these lie in cold files only. */
  readonly files: bigint
}

export interface RunOfBatch {
  readonly run: bigint
  readonly command: string
  readonly os_user: string
  readonly host: string
  readonly started_at: string
  readonly outcome: string | null
}

export interface TableOfBatch {
  readonly table: string
  readonly rows: bigint
  readonly digest: string
  readonly columns: readonly string[]
  /** Size of the rows in the archive table without its own overhead; null where they are not in it. */
  readonly bytes: bigint | null
}

export interface DetachedOfBatch {
  readonly table: string
  readonly constraint: string
  readonly references: bigint
}

/** @throws NotFoundError when there is no such batch */
export function showBatch(db: Database, batch: bigint): Promise<BatchDetails> {
  return db.transaction(
    async (tx) => {
      const [head] = await requireBatches(tx, [batch])
      if (head === undefined) throw new RangeError('the batch was just found')
      const cold = await tx.one<Pick<BatchDetails, 'cold_sha256' | 'exported_at' | 'released_at' | 'files'>>(sql`
        SELECT
          b.cold_sha256,
          b.exported_at,
          b.released_at,
          (SELECT count(*) FROM steward.archived_files AS f WHERE f.batch_id = b.batch_id) AS files
        FROM steward.archive_batches AS b
        WHERE b.batch_id = ${batch}`)
      const run = await tx.maybeOne<RunOfBatch>(sql`
        SELECT j.run_id AS run, j.command, j.os_user, j.host, j.started_at, j.outcome
        FROM steward.archive_batches AS b
        JOIN steward.journal AS j USING (run_id)
        WHERE b.batch_id = ${batch}`)
      const detached = await tx.rows<DetachedOfBatch>(sql`
        SELECT
          schema_name || '.' || table_name AS "table",
          constraint_name AS "constraint",
          count(*) AS "references"
        FROM steward.archive_detached
        WHERE batch_id = ${batch}
        GROUP BY 1, 2
        ORDER BY 1, 2`)
      return { ...head, ...cold, run: run ?? null, tables: await tablesOf(tx, head), detached }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

async function tablesOf(db: Queryable, { batch, schema, state }: Batch): Promise<TableOfBatch[]> {
  const recorded = await db.rows<Omit<TableOfBatch, 'bytes'>>(sql`
    SELECT table_name AS "table", rows, digest, columns
    FROM steward.archive_batch_tables
    WHERE batch_id = ${batch}
    ORDER BY table_name`)
  const there = new Set((await columns(db, archiveSchemaOf(schema))).map(({ table }) => table))
  const tables: TableOfBatch[] = []
  for (const one of recorded) {
    const measured =
      state === 'archived' && there.has(one.table)
        ? await db.one<{ bytes: bigint }>(sql`
            SELECT COALESCE(sum(pg_column_size(a.*)), 0)::bigint AS bytes
            FROM ${identifier(archiveSchemaOf(schema), one.table)} AS a
            WHERE a.${raw(BATCH_COLUMN)} = ${batch}`)
        : undefined
    tables.push({ ...one, bytes: measured?.bytes ?? null })
  }
  return tables
}
