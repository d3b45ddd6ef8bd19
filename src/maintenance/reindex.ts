/**
 * Reindex by need, always CONCURRENTLY, one statement an index (decision 15; PostgreSQL manual, REINDEX). What an
 * interrupted concurrent build leaves behind is found, said and cleaned: a leftover copy (`…_ccnew`, `…_ccold`) is
 * dropped, any other invalid index is rebuilt.
 */
import type { Database, Queryable, Session } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { type IndexStatistics, indexStatistics } from './index-statistics.ts'
import { type Effect, type Item, type ItemResult, type RunOptions, runItems } from './job.ts'
import { isForced, type Selection, selected } from './selection.ts'

export interface ReindexNeed {
  /** Estimated bloat in percent from which an index is rebuilt. */
  readonly bloatPercent: number
  /** Smaller indexes are left alone, in bytes. */
  readonly minimumBytes: bigint
}

export const REINDEX_NEED: ReindexNeed = { bloatPercent: 40, minimumBytes: 1_048_576n }

const LEFTOVER = /_cc(new|old)\d*$/

/** @throws NotFoundError when a named table is not there */
export async function planReindex(db: Queryable, selection: Selection, need: ReindexNeed): Promise<Item[]> {
  const indexes = selected(await indexStatistics(db, selection.schemas), selection)
  return indexes.map((each) => {
    const { action, reason } = decide(each, need, isForced(selection))
    return { schema: each.schema, table: each.table, index: each.index, bytes: each.bytes, action, reason }
  })
}

function decide(index: IndexStatistics, need: ReindexNeed, forced: boolean): Pick<Item, 'action' | 'reason'> {
  if (index.builder !== null) {
    return { action: 'keep', reason: `an index of this table is being built by backend ${index.builder}` }
  }
  if (isLeftover(index)) {
    return { action: 'drop', reason: 'left behind by an interrupted rebuild' }
  }
  if (index.exclusion)
    return { action: 'keep', reason: 'backs an exclusion constraint, which cannot be rebuilt concurrently' }
  if (!index.valid) return { action: 'reindex', reason: 'invalid: an interrupted build left it unusable' }
  const words = index.bloatPercent === null ? 'bloat not known' : `estimated bloat ${index.bloatPercent} %`
  if (forced) return { action: 'reindex', reason: `asked for; ${words}` }
  if (index.bytes < need.minimumBytes) return { action: 'keep', reason: 'small' }
  const bloated = index.bloatPercent !== null && index.bloatPercent >= need.bloatPercent
  return bloated ? { action: 'reindex', reason: words } : { action: 'keep', reason: words }
}

/**
 * Rebuilds or drops what the plan says.
 *
 * The lock timeout here bounds the waits for transactions that began before the build; nobody waits behind them, so
 * it may be longer than for other DDL.
 */
export function applyReindex(db: Database, plan: readonly Item[], options: RunOptions): Promise<ItemResult[]> {
  return runItems(db, plan, options, (session, item) => rebuild(session, item, options))
}

async function rebuild(session: Session, item: Item, { signal }: RunOptions): Promise<Effect> {
  const index = identifier(item.schema, item.index ?? '')
  if (item.action === 'drop') {
    await session.execute(sql`DROP INDEX CONCURRENTLY IF EXISTS ${index}`)
    return { returnedBytes: item.bytes }
  }
  try {
    await session.execute(sql`REINDEX INDEX CONCURRENTLY ${index}`)
  } catch (error) {
    // Whoever stopped it waits; the build was to wait long for older transactions, the tidying up is not.
    if (signal.aborted) await session.execute(sql`SET lock_timeout = '1s'`)
    await dropLeftovers(session, item)
    throw error
  }
  const { bytes } = await session.one<{ bytes: bigint }>(
    sql`SELECT pg_relation_size(format('%I.%I', ${item.schema}::text, ${item.index ?? ''}::text)::regclass) AS bytes`,
  )
  return { returnedBytes: item.bytes - bytes }
}

/** Drops the half-built copies that a failed rebuild left on this table; failing that, the next run finds them. */
async function dropLeftovers(session: Session, item: Item): Promise<void> {
  try {
    const indexes = await indexStatistics(session, [item.schema])
    const leftovers = indexes.filter((each) => each.table === item.table && isLeftover(each))
    for (const { index } of leftovers) {
      await session.execute(sql`DROP INDEX CONCURRENTLY IF EXISTS ${identifier(item.schema, index)}`)
    }
  } catch {
    // The failure that led here is the one to report; the plan of the next run names the leftover.
  }
}

/** A copy that no running build owns. */
function isLeftover(index: IndexStatistics): boolean {
  return !index.valid && index.builder === null && LEFTOVER.test(index.index)
}
