/** Archiving any table in a test, without the command line. */
import { type ArchiveOptions, type ArchiveResult, runArchive } from '../../src/archive/run.ts'
import type { Selection } from '../../src/archive/selection.ts'
import { selectionOfTable, type TableRequest } from '../../src/archive/selection-table.ts'
import type { Database } from '../../src/db/database.ts'
import type { JobRun } from '../../src/db/job-run.ts'
import { raw } from '../../src/model/sql.ts'
import { idleRun } from './by-hand.ts'

/** Rows of `shop.<table>` whose `at` is ninety days old. */
export function shopSelection(db: Database, table: string, over: Partial<TableRequest> = {}): Promise<Selection> {
  return selectionOfTable(db, {
    schema: 'shop',
    table,
    ageOf: 'at',
    olderThan: '90 days',
    only: [],
    withChildren: false,
    name: table,
    settings: {},
    ...over,
  })
}

export interface Archiving extends ArchiveOptions {
  readonly request?: Partial<TableRequest>
  /** Added to the selection. */
  readonly selection?: Partial<Selection>
  readonly run?: Partial<JobRun>
}

/** Archives what is due of `shop.<table>`. */
export async function archiveShop(db: Database, table: string, archiving: Archiving = {}): Promise<ArchiveResult> {
  const { request = {}, selection = {}, run = {}, ...options } = archiving
  const chosen = { ...(await shopSelection(db, table, request)), ...selection }
  return runArchive(db, chosen, idleRun(db, run), options)
}

/** Rows that went, by table. */
export function gone({ tables }: ArchiveResult): Record<string, number> {
  return Object.fromEntries(tables.map(({ table, rows }) => [table, Number(rows)]))
}

/** Runs statements one after the other. */
export async function execute(db: Database, ...statements: readonly string[]): Promise<void> {
  for (const statement of statements) await db.execute(raw(statement))
}

/** An empty schema `shop`, and no archive of it. */
export const freshShop = [
  'DROP SCHEMA IF EXISTS shop, shop_archive, other CASCADE',
  'TRUNCATE steward.archive_batches, steward.retention_cursors CASCADE',
  'CREATE SCHEMA shop',
] as const

/** Long over, and not over. */
export const OLD = `now() - interval '200 days'`
export const YOUNG = `now() - interval '2 days'`

/** The first column of every row, in order. */
export async function keys(db: Database, table: string, column = 'id'): Promise<string[]> {
  const rows = await db.rows<{ key: string }>(raw(`SELECT ${column}::text AS key FROM ${table} ORDER BY ${column}`))
  return rows.map(({ key }) => key)
}
