/**
 * What a run would do, without doing it: one snapshot, read only, for any role that may SELECT. It is the batches' own
 * algorithm without the locks, over the oldest due roots; where there are more than it looks at, it says so.
 */
import type { Database, Queryable } from '../db/database.ts'
import { type Problem, StewardError } from '../errors.ts'
import type { Kept } from '../model/job.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import { chunkSql } from './candidates.ts'
import type { Table } from './catalog-tables.ts'
import { type Closure, closureOf } from './closure.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { countHeld } from './held.ts'
import { type MissingIndex, missingIndexes } from './indexes.ts'
import { missingPrivileges, nameOf, readShape } from './prepare.ts'
import { Keeping, STILL_ACTIVE } from './reasons.ts'
import { PLANNER_SETTINGS, Rows, type RowsAnswer, relation, rowsSql } from './rows.ts'
import type { Selection } from './selection.ts'
import type { Shape } from './shape.ts'
import { type PlannedStatement, statementsOf } from './statements.ts'
import { planArchiveTables } from './tables.ts'

/** Due roots that a plan looks at, unless it is asked to be brief. */
const PLAN_ROOTS = 5_000
const BRIEF_ROOTS = 500
/** Rows of a table that are measured; more are estimated by them. */
const MEASURED_ROWS = 20_000
/** Due roots counted at most, and milliseconds for it. */
const COUNTED = 1_000_000
const COUNTING_MS = 10_000
/** Milliseconds for each wait for a lock. */
const LOCK_MS = 5_000

export interface PlannedTable {
  /** `public.orders`. */
  readonly table: string
  readonly rows: number
  readonly bytes: bigint
  /** `bytes` is estimated from the rows that were measured. */
  readonly isEstimate: boolean
}

export interface ArchivePlan {
  readonly selection: Selection
  /** Due roots in all; a lower bound where `atLeast` is true. */
  readonly due: bigint
  readonly atLeast: boolean
  /** Due roots that the plan looked at, the oldest; the figures below are about them. */
  readonly examined: number
  /** Roots that would go. */
  readonly roots: number
  readonly tables: readonly PlannedTable[]
  /** Rows that stay and lose a reference. */
  readonly detached: readonly { readonly table: string; readonly constraint: string; readonly rows: number }[]
  readonly kept: readonly Kept[]
  readonly indexes: readonly MissingIndex[]
  /** What must be mended before a run: privileges that this role lacks, archive tables that do not fit. */
  readonly problems: readonly Problem[]
  readonly sql: readonly PlannedStatement[]
}

export interface PlanOptions {
  /** Roots at most. */
  readonly limit?: number | undefined
  /** Nobody waits for it to decide on: it looks at fewer roots. */
  readonly isBrief?: boolean
}

/**
 * Plans one selection.
 *
 * @throws NotFoundError (exit 4), OperationError (exit 6) when its tables cannot be archived at all
 */
export async function planArchive(
  db: Database,
  selection: Selection,
  { limit = Number.POSITIVE_INFINITY, isBrief = false }: PlanOptions = {},
): Promise<ArchivePlan> {
  const most = Math.min(isBrief ? BRIEF_ROOTS : PLAN_ROOTS, limit)
  const plan = await db.transaction(
    async (tx) => {
      const shape = await readShape(tx, selection)
      const asked = await oldestDue(tx, selection, shape, most)
      const closure = await closureOf(tx, asked, { shape, selection, lock: false })
      const archive =
        selection.keeps === 'archive' ? await planArchiveTables(tx, shape.tables) : { statements: [], problems: [] }
      return {
        root: shape.root,
        examined: asked.count,
        roots: closure.roots.count,
        tables: await measured(tx, shape, closure),
        detached: closure.detached.map(({ key, rows }) => ({
          table: nameOf(shape.table(key.child)),
          constraint: key.name,
          rows: rows.count,
        })),
        kept: closure.kept,
        indexes: missingIndexes(shape, selection),
        problems: [...missingPrivileges(shape), ...archive.problems],
        sql: statementsOf(selection, shape, closure, archive.statements),
      }
    },
    {
      readOnly: true,
      isolation: 'repeatable read',
      lockTimeoutMs: LOCK_MS,
      settings: { ...TEXT_SETTINGS, search_path: '', row_security: 'off', ...PLANNER_SETTINGS },
    },
  )
  const { root, ...facts } = plan
  const all = plan.examined < most
  const due = all
    ? { rows: BigInt(plan.examined), atLeast: false }
    : await countDue(db, root, selection.due('r'), plan.examined)
  return {
    ...facts,
    selection,
    due: due.rows,
    atLeast: due.atLeast,
    kept: [...(await withActive(db, root, selection, plan.kept)), ...(await countHeld(db, root, selection))],
  }
}

async function oldestDue(tx: Queryable, selection: Selection, { root }: Shape, most: number): Promise<Rows> {
  const answers = await tx.rows<RowsAnswer>(sql`
    SELECT due.t AS leaf, COUNT(*)::integer AS rows, array_agg(due.c)::text AS tids
    FROM (${chunkSql(selection, root, undefined, most)}
    ) AS due
    GROUP BY due.t`)
  return Rows.of(answers)
}

/** Rows and bytes of each table: as they lie in the table, compressed values as they are, indexes not counted. */
async function measured(tx: Queryable, { tables }: Shape, { rows }: Closure): Promise<PlannedTable[]> {
  const planned: PlannedTable[] = []
  for (const table of tables) {
    const set = rows.get(table)
    if (set === undefined) planned.push({ table: nameOf(table), rows: 0, bytes: 0n, isEstimate: false })
    else planned.push(await measure(tx, table, set))
  }
  return planned
}

async function measure(tx: Queryable, table: Table, set: Rows): Promise<PlannedTable> {
  const aliases = Object.fromEntries(table.columns.map(({ name }, index) => [`v${index}`, name]))
  const sizes = Object.keys(aliases).map((alias) => sql`COALESCE(pg_column_size(${identifier('x', alias)}), 0)`)
  // A row has a header of 24 bytes and a pointer of 4 (PostgreSQL manual, 73.6).
  const { bytes, looked } = await tx.one<{ bytes: bigint; looked: bigint }>(sql`
    SELECT COALESCE(SUM(${join([raw('28'), ...sizes], ' + ')}), 0)::bigint AS bytes, COUNT(*) AS looked
    FROM (
      SELECT *
      FROM (
        ${rowsSql(table, set, aliases, table.oid)}
      ) AS rows
      LIMIT ${MEASURED_ROWS}
    ) AS x`)
  const isEstimate = looked < BigInt(set.count)
  const all = isEstimate && looked > 0n ? (bytes * BigInt(set.count)) / looked : bytes
  return { table: nameOf(table), rows: set.count, bytes: all, isEstimate }
}

async function countDue(
  db: Database,
  root: Table,
  condition: ReturnType<Selection['due']>,
  least: number,
): Promise<{ readonly rows: bigint; readonly atLeast: boolean }> {
  try {
    return await db.transaction(
      async (tx) => {
        const { rows } = await tx.one<{ rows: bigint }>(sql`
          SELECT COUNT(*) AS rows
          FROM (SELECT FROM ${relation(root)} AS r WHERE ${condition} LIMIT ${COUNTED}) AS due`)
        return { rows, atLeast: rows >= BigInt(COUNTED) }
      },
      { readOnly: true, statementTimeoutMs: COUNTING_MS, settings: { row_security: 'off' } },
    )
  } catch (error) {
    if (!(error instanceof StewardError && error.code === 'statement-timeout')) throw error
    return { rows: BigInt(least), atLeast: true }
  }
}

/** Adds those that only something active keeps. */
async function withActive(
  db: Database,
  root: Table,
  { due, dueOrActive }: Selection,
  kept: readonly Kept[],
): Promise<readonly Kept[]> {
  if (dueOrActive === undefined) return kept
  const active = sql`${dueOrActive('r')} AND (${due('r')}) IS NOT TRUE`
  const keeping = new Keeping()
  keeping.addAll(kept)
  keeping.add(STILL_ACTIVE, Number((await countDue(db, root, active, 0)).rows))
  return keeping.list()
}
