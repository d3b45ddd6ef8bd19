/**
 * Analyze by need: tables whose rows changed much since the planner's statistics were gathered, that were never
 * analysed, or not for long (PostgreSQL manual, 24.1.3).
 */
import type { Database, Queryable } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { executeOnTable, type Item, type ItemResult, type RunOptions, runItems } from './job.ts'
import { isForced, type Selection, selected } from './selection.ts'
import { type TableStatistics, tableStatistics } from './table-statistics.ts'

export interface AnalyzeNeed {
  /** Changed rows in percent of the live ones from which a table is analysed. */
  readonly changedPercent: number
  /** Fewer changed rows than this change nothing that the planner would notice. */
  readonly changedRows: number
  /** Days after which a table with any change is analysed. */
  readonly days: number
}

export const ANALYZE_NEED: AnalyzeNeed = { changedPercent: 10, changedRows: 50, days: 7 }

/** @throws NotFoundError when a named table is not there */
export async function planAnalyze(db: Queryable, selection: Selection, need: AnalyzeNeed): Promise<Item[]> {
  const tables = selected(await tableStatistics(db, selection.schemas), selection)
  return tables.map((table) => {
    const reason = analyzeReason(table, need)
    const action = reason.needed || isForced(selection) ? 'analyze' : 'keep'
    return { schema: table.schema, table: table.table, bytes: table.totalBytes, action, reason: reason.words }
  })
}

function analyzeReason(table: TableStatistics, need: AnalyzeNeed): { needed: boolean; words: string } {
  const changed = table.changedSinceAnalyze
  if (changed === 0n && (table.liveRows === 0n || table.daysSinceAnalyze !== null)) {
    return { needed: false, words: table.liveRows === 0n ? 'empty' : 'unchanged since it was analysed' }
  }
  if (changed < BigInt(need.changedRows) && table.liveRows < BigInt(need.changedRows)) {
    return { needed: false, words: 'small' }
  }
  if (table.daysSinceAnalyze === null) return { needed: true, words: 'was never analysed' }
  const percent = table.liveRows === 0n ? 100 : Number((changed * 1000n) / table.liveRows) / 10
  if (changed >= BigInt(need.changedRows) && percent >= need.changedPercent) {
    return { needed: true, words: `${percent} % of its rows changed since it was analysed` }
  }
  if (table.daysSinceAnalyze >= need.days) {
    return { needed: true, words: `changed, last analysed ${Math.floor(table.daysSinceAnalyze)} days ago` }
  }
  return { needed: false, words: `${percent} % changed, below the threshold` }
}

/** Gathers statistics for what the plan says. */
export function applyAnalyze(db: Database, plan: readonly Item[], options: RunOptions): Promise<ItemResult[]> {
  return runItems(db, plan, options, async (session, item) => {
    await executeOnTable(session, item, sql`ANALYZE ${identifier(item.schema, item.table)}`)
    return { returnedBytes: 0n }
  })
}
