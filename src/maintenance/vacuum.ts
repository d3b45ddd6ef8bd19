/**
 * Vacuum by need: tables whose share of dead rows is high, or that were not vacuumed for long. VACUUM runs outside a
 * transaction, one statement a table (decision 15; PostgreSQL manual, 24.1).
 */
import type { Database, Queryable, Session } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { type Effect, executeOnTable, type Item, type ItemResult, type RunOptions, runItems } from './job.ts'
import { isForced, type Selection, selected } from './selection.ts'
import { type TableStatistics, tableStatistics } from './table-statistics.ts'
import { spaceOf, VacuumReport } from './vacuum-space.ts'

export interface VacuumNeed {
  /** Dead rows in percent of all from which a table is vacuumed. */
  readonly deadPercent: number
  /** Fewer dead rows than this are not worth a pass over the table. */
  readonly deadRows: number
  /** Days after which a table with dead rows is vacuumed. */
  readonly days: number
  /** Dead rows from which a table is vacuumed however many live ones it has: a large delete; none when absent. */
  readonly manyRows?: number
}

export const VACUUM_NEED: VacuumNeed = { deadPercent: 10, deadRows: 1000, days: 7 }
/** After retention removed rows: a hundred thousand are worth a pass, also of a table where they are few. */
export const AFTER_DELETES: VacuumNeed = { ...VACUUM_NEED, manyRows: 100_000 }

/** Fewer dead rows than this are nobody's concern, however long they lie; autovacuum's own threshold. */
const NOTICEABLE_ROWS = 50n

export interface VacuumItem extends Item {
  readonly deadRows: bigint
}

/** @throws NotFoundError when a named table is not there */
export async function planVacuum(db: Queryable, selection: Selection, need: VacuumNeed): Promise<VacuumItem[]> {
  const found = selected(await tableStatistics(db, selection.schemas), selection)
  const archived = await archivedSinceVacuum(db, selection.schemas)
  return found.map((one) => {
    // The server's own count may be seconds behind.
    const removed = archived.get(`${one.schema}.${one.table}`) ?? 0n
    const table = removed > one.deadRows ? { ...one, deadRows: removed } : one
    const reason = vacuumReason(table, need)
    const action = reason.needed || isForced(selection) ? 'vacuum' : 'keep'
    const { schema, table: name, totalBytes: bytes, deadRows } = table
    return { schema, table: name, bytes, action, reason: reason.words, deadRows }
  })
}

function vacuumReason(table: TableStatistics, need: VacuumNeed): { needed: boolean; words: string } {
  const rows = table.liveRows + table.deadRows
  const percent = rows === 0n ? 0 : Number((table.deadRows * 1000n) / rows) / 10
  if (table.deadRows >= BigInt(need.deadRows) && percent >= need.deadPercent) {
    return { needed: true, words: `${percent} % of its rows are dead` }
  }
  if (need.manyRows !== undefined && table.deadRows >= BigInt(need.manyRows)) {
    return { needed: true, words: `${table.deadRows.toLocaleString('en')} of its rows are dead` }
  }
  if (table.deadRows < NOTICEABLE_ROWS)
    return { needed: false, words: table.deadRows === 0n ? 'no dead rows' : 'few dead rows' }
  if (table.daysSinceVacuum === null) {
    return { needed: true, words: 'has dead rows and was never vacuumed' }
  }
  if (table.daysSinceVacuum >= need.days) {
    return { needed: true, words: `has dead rows, last vacuumed ${Math.floor(table.daysSinceVacuum)} days ago` }
  }
  return {
    needed: false,
    words: table.deadRows === 0n ? 'no dead rows' : `${percent} % dead rows, below the threshold`,
  }
}

/** Rows that were archived out of a table since its last vacuum, by `schema.table`; none where they cannot be read. */
async function archivedSinceVacuum(db: Queryable, schemas: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  // The catalog rather than to_regclass, which fails for a role without USAGE on the schema.
  const { readable } = await db.one<{ readable: bigint }>(sql`
    SELECT COUNT(*) AS readable
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'steward'
      AND c.relname IN ('archive_batches', 'archive_batch_tables')
      AND has_schema_privilege(n.oid, 'USAGE')
      AND has_table_privilege(c.oid, 'SELECT')`)
  if (readable < 2n) return new Map()
  const rows = await db.rows<{ name: string; rows: bigint }>(sql`
    SELECT s.schemaname || '.' || s.relname AS name, SUM(t.rows)::bigint AS rows
    FROM steward.archive_batches AS b
    JOIN steward.archive_batch_tables AS t USING (batch_id)
    JOIN pg_catalog.pg_stat_all_tables AS s ON s.schemaname = b.schema_name AND s.relname = t.table_name
    WHERE b.schema_name = ANY (${[...schemas]}::text[])
      AND b.archived_at > COALESCE(GREATEST(s.last_vacuum, s.last_autovacuum), '-infinity')
    GROUP BY 1`)
  return new Map(rows.map(({ name, rows: count }) => [name, count]))
}

/** Vacuums what the plan says, with statistics renewed on the way. */
export function applyVacuum(db: Database, plan: readonly Item[], options: RunOptions): Promise<ItemResult[]> {
  return runItems(db, plan, options, (session, item) => vacuumTable(db, session, item, options))
}

async function vacuumTable(db: Database, session: Session, item: Item, options: RunOptions): Promise<Effect> {
  const before = await spaceOf(session, item)
  const report = new VacuumReport()
  const silence = session.onNotice((message) => report.read(message))
  const stopWatching = watchVacuum(db, session.pid, item, options)
  try {
    await executeOnTable(session, item, sql`VACUUM (ANALYZE, VERBOSE) ${identifier(item.schema, item.table)}`)
  } finally {
    silence()
    stopWatching()
  }
  const after = await spaceOf(session, item)
  const space = {
    returnedBytes: before.bytes + before.toastBytes - after.bytes - after.toastBytes,
    freedBytes: report.freedBytes(before, after),
  }
  return report.removed === undefined ? space : { removed: report.removed, ...space }
}

const POLL_MS = 1000

/** Reports how far the VACUUM of another backend is (PostgreSQL manual, 27.4.5). @returns a function that stops */
function watchVacuum(db: Database, pid: number, item: Item, { onProgress, label }: RunOptions): () => void {
  const timer = setInterval(async () => {
    try {
      const row = await db.maybeOne<{ phase: string; scanned: bigint; total: bigint }>(sql`
        SELECT phase, heap_blks_scanned AS scanned, heap_blks_total AS total
        FROM pg_stat_progress_vacuum
        WHERE pid = ${pid}
      `)
      if (!row) return
      const percent = row.total === 0n ? 0 : Number((row.scanned * 100n) / row.total)
      onProgress({
        label: `${label} ${item.schema}.${item.table}, ${row.phase}`,
        done: percent,
        total: 100,
        unit: 'steps',
      })
    } catch {
      // Progress is a courtesy: the vacuum goes on, and if the connection is gone the vacuum itself says so.
      clearInterval(timer)
    }
  }, POLL_MS)
  return () => clearInterval(timer)
}
