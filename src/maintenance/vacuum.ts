/**
 * Vacuum by need: tables whose share of dead rows is high, or that were not vacuumed for long. VACUUM runs outside a
 * transaction, one statement a table (decision 15; PostgreSQL manual, 24.1).
 */
import type { Database, Queryable, Session } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { type Effect, executeOnTable, type Item, type ItemResult, type RunOptions, runItems } from './job.ts'
import { isForced, type Selection, selected } from './selection.ts'
import { type TableStatistics, tableStatistics } from './table-statistics.ts'

export interface VacuumNeed {
  /** Dead rows in percent of all from which a table is vacuumed. */
  readonly deadPercent: number
  /** Fewer dead rows than this are not worth a pass over the table. */
  readonly deadRows: number
  /** Days after which a table with dead rows is vacuumed. */
  readonly days: number
}

export const VACUUM_NEED: VacuumNeed = { deadPercent: 10, deadRows: 1000, days: 7 }

/** Fewer dead rows than this are nobody's concern, however long they lie; autovacuum's own threshold. */
const NOTICEABLE_ROWS = 50n

/** @throws NotFoundError when a named table is not there */
export async function planVacuum(db: Queryable, selection: Selection, need: VacuumNeed): Promise<Item[]> {
  const tables = selected(await tableStatistics(db, selection.schemas), selection)
  return tables.map((table) => {
    const reason = vacuumReason(table, need)
    const action = reason.needed || isForced(selection) ? 'vacuum' : 'keep'
    return { schema: table.schema, table: table.table, bytes: table.totalBytes, action, reason: reason.words }
  })
}

function vacuumReason(table: TableStatistics, need: VacuumNeed): { needed: boolean; words: string } {
  const rows = table.liveRows + table.deadRows
  const percent = rows === 0n ? 0 : Number((table.deadRows * 1000n) / rows) / 10
  if (table.deadRows >= BigInt(need.deadRows) && percent >= need.deadPercent) {
    return { needed: true, words: `${percent} % of its rows are dead` }
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

/** Vacuums what the plan says, with statistics renewed on the way. */
export function applyVacuum(db: Database, plan: readonly Item[], options: RunOptions): Promise<ItemResult[]> {
  return runItems(db, plan, options, (session, item) => vacuumTable(db, session, item, options))
}

async function vacuumTable(db: Database, session: Session, item: Item, options: RunOptions): Promise<Effect> {
  const name = identifier(item.schema, item.table)
  const before = await sizeOf(session, item)
  let removed: bigint | undefined
  const silence = session.onNotice((message) => {
    removed = removedRows(message) ?? removed
  })
  const stopWatching = watchVacuum(db, session.pid, item, options)
  try {
    await executeOnTable(session, item, sql`VACUUM (ANALYZE, VERBOSE) ${name}`)
  } finally {
    silence()
    stopWatching()
  }
  const freedBytes = before - (await sizeOf(session, item))
  return removed === undefined ? { freedBytes } : { removed, freedBytes }
}

/**
 * Row versions that a VERBOSE message says were removed: `tuples: 17 removed` since PostgreSQL 15,
 * `found 17 removable` before. The table's own figure comes first, its TOAST table's after it.
 */
export function removedRows(message: string): bigint | undefined {
  const match = /tuples: (\d+) removed|found (\d+) removable/.exec(message)
  if (!match || /pg_toast/.test(message)) return undefined
  return BigInt(match[1] ?? match[2] ?? '0')
}

/**
 * Size of the rows on disk: the main forks of table and TOAST. A first vacuum also writes the free space and
 * visibility maps; counting those would make it look as if it had taken space.
 */
async function sizeOf(db: Queryable, item: Item): Promise<bigint> {
  const { bytes } = await db.one<{ bytes: bigint }>(sql`
    SELECT pg_relation_size(c.oid) + COALESCE(pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS bytes
    FROM pg_class c
    WHERE c.oid = format('%I.%I', ${item.schema}::text, ${item.table}::text)::regclass
  `)
  return bytes
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
