/**
 * The overview: what is in the database, how large it is, and how the platforms on it are doing. Cheap on any size:
 * large tables are estimated from the planner's statistics and say so, and states are counted over a bounded window.
 */
import type { Queryable } from '../db/database.ts'
import { lockedForReaders, sizeUnlessLocked } from '../db/relation-size.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'

/** Tables with more rows than this, by the planner's estimate, are not counted. */
const COUNTED_UP_TO = 100_000

/** States are counted for rows of the last so many days. */
export const OUTCOME_DAYS = 30

export interface TableFigures {
  readonly system: string
  readonly table: string
  /** Null where neither a count nor an estimate is to be had. */
  readonly rows: bigint | null
  /** True when `rows` is the planner's estimate. */
  readonly estimated: boolean
  /** Table, TOAST and indexes together, in bytes. */
  readonly bytes: bigint
}

export interface OutcomeFigures {
  readonly system: string
  readonly state: string
  readonly rows: bigint
  /** Share of all states, in percent. */
  readonly share: number
}

/** A system and the schema that holds its tables. */
export interface Placed {
  readonly system: System
  readonly schema: string
}

interface Found {
  readonly schema: string
  readonly table: string
  readonly estimate: bigint
  readonly bytes: bigint
  /** Allowed, and without waiting for a lock. */
  readonly readable: boolean
}

/** Rows and size of every table of these systems that exists, in declared order. */
export async function tableFigures(db: Queryable, placed: readonly Placed[]): Promise<TableFigures[]> {
  const found = await db.rows<Found>(sql`
    SELECT
      n.nspname AS schema,
      c.relname AS table,
      -- A partitioned table has neither rows nor size of its own: its leaves have them.
      COALESCE(leaves.estimate, c.reltuples::bigint) AS estimate,
      COALESCE(leaves.bytes, ${sizeUnlessLocked(sql`pg_total_relation_size(c.oid)`, sql`c.oid`, sql`c.relpages`)}) AS bytes,
      has_schema_privilege(n.oid, 'USAGE')
        AND has_table_privilege(c.oid, 'SELECT')
        AND NOT ${lockedForReaders(sql`c.oid`)} AS readable
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
      SELECT
        -- -1 is "never analysed"; one such leaf makes the sum worthless.
        CASE WHEN bool_or(leaf.reltuples < 0) THEN -1 ELSE SUM(leaf.reltuples)::bigint END AS estimate,
        SUM(${sizeUnlessLocked(sql`pg_total_relation_size(leaf.oid)`, sql`leaf.oid`, sql`leaf.relpages`)})::bigint AS bytes
      FROM pg_partition_tree(c.oid) tree
      JOIN pg_class leaf ON leaf.oid = tree.relid
      WHERE tree.isleaf
      HAVING COUNT(*) > 0
    ) leaves ON c.relkind = 'p'
    WHERE c.relkind IN ('r', 'p')
      AND n.nspname = ANY(${placed.map((each) => each.schema)}::text[])
  `)
  const tables = placed.flatMap(({ system, schema }) =>
    system.entities.flatMap((entity) => {
      const row = found.find((candidate) => candidate.schema === schema && candidate.table === entity.table)
      return row ? [{ system: system.name, ...row }] : []
    }),
  )
  const small = tables.filter((table) => table.readable && table.estimate < COUNTED_UP_TO)
  const counts = await countRows(db, small)
  return tables.map(({ system, schema, table, estimate, bytes }) => {
    const counted = counts.get(`${schema}.${table}`)
    // -1: never analysed, and not ours to read.
    const rows = counted ?? (estimate < 0n ? null : estimate)
    return { system, table, rows, estimated: counted === undefined, bytes }
  })
}

/** How the overview entity of each system fared: rows by state over the last `OUTCOME_DAYS` days. */
export async function outcomeFigures(db: Queryable, placed: readonly Placed[]): Promise<OutcomeFigures[]> {
  const figures: OutcomeFigures[] = []
  for (const { system, schema } of placed) {
    const entity = entityNamed(system, system.overview.entity)
    if (entity?.lifecycle === undefined || entity.list.time === undefined) continue
    if (!(await isReadable(db, schema, entity.table))) continue
    const rows = await db.rows<{ state: string; rows: bigint }>(
      statesSince(identifier(schema, entity.table), entity.lifecycle.field, entity.list.time),
    )
    const total = rows.reduce((sum, row) => sum + row.rows, 0n)
    for (const state of Object.keys(entity.lifecycle.states)) {
      const count = rows.find((row) => row.state === state)?.rows ?? 0n
      if (count > 0n) figures.push({ system: system.name, state, rows: count, share: percent(count, total) })
    }
  }
  return figures
}

/** False where the table does not exist, or this role may not read it or would wait for it. */
async function isReadable(db: Queryable, schema: string, table: string): Promise<boolean> {
  const row = await db.maybeOne(sql`
    SELECT 1
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relname = ${table}
      AND has_schema_privilege(n.oid, 'USAGE')
      AND has_table_privilege(c.oid, 'SELECT')
      AND NOT ${lockedForReaders(sql`c.oid`)}
  `)
  return row !== undefined
}

function statesSince(table: Sql, stateField: string, timeField: string): Sql {
  const state = identifier(stateField)
  const time = identifier(timeField)
  return sql`
    SELECT ${state}::text AS state, COUNT(*) AS rows
    FROM ${table}
    WHERE ${time} >= now() - make_interval(days => ${OUTCOME_DAYS}::integer)
    GROUP BY ${state}
  `
}

async function countRows(
  db: Queryable,
  tables: readonly { readonly schema: string; readonly table: string }[],
): Promise<Map<string, bigint>> {
  if (tables.length === 0) return new Map()
  const counts = tables.map(
    ({ schema, table }) =>
      sql`SELECT ${`${schema}.${table}`}::text AS name, COUNT(*) AS rows FROM ${identifier(schema, table)}`,
  )
  const rows = await db.rows<{ name: string; rows: bigint }>(join(counts, '\nUNION ALL\n'))
  return new Map(rows.map((row) => [row.name, row.rows]))
}

function percent(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 10_000n) / whole) / 100
}
