/**
 * What the tables of a batch look like: the columns that were archived with their types, which of them the live table
 * computes, and its primary key. Read from the catalog each time, since archive tables gain columns.
 */
import { createHash } from 'node:crypto'
import { archiveSchemaOf } from '../../config/config.ts'
import type { Queryable } from '../../db/database.ts'
import { OperationError } from '../../errors.ts'
import { sql } from '../../model/sql.ts'
import { BATCH_COLUMN } from '../record.ts'

export interface ColumnShape {
  readonly name: string
  /** As `format_type` prints it. */
  readonly type: string
  /** Computed by the live table, so that a restore leaves it out. */
  readonly generated: boolean
  /** Name of the type behind domains in `pg_type`, of the element for an array: `int8`, `numeric`, `jsonb`. */
  readonly base: string
  readonly isArray: boolean
  /** Of a `numeric(p, s)`, not of arrays of it; null where any number of digits may be. */
  readonly precision: number | null
  readonly scale: number | null
}

export interface TableShape {
  readonly table: string
  /** Those that were archived, in the order of the digest. */
  readonly columns: readonly ColumnShape[]
  /** Of the live table; empty when it has none, or is gone. */
  readonly primaryKey: readonly string[]
}

/** A table of a batch, as `steward.archive_batch_tables` has it. */
export interface RecordedTable {
  readonly table: string
  readonly rows: bigint
  readonly digest: string
  readonly columns: readonly string[]
}

/** @throws OperationError when the archive table, or a column of it, is gone */
export async function tableShape(db: Queryable, schema: string, recorded: RecordedTable): Promise<TableShape> {
  const { table } = recorded
  const found = await columnsOf(db, archiveSchemaOf(schema), table)
  const byName = new Map(found.map((column) => [column.name, column]))
  const live = new Map((await liveColumns(db, schema, table)).map((column) => [column.name, column]))
  const columns = recorded.columns.map((name) => {
    const column = byName.get(name)
    if (column === undefined) throw missing(schema, table, name)
    return { ...column, generated: live.get(name)?.generated ?? false }
  })
  const primaryKey = [...live.values()]
    .filter((column) => column.keyPosition !== null)
    .toSorted((one, other) => (one.keyPosition ?? 0) - (other.keyPosition ?? 0))
    .map(({ name }) => name)
  // A key that was changed since may have columns that these rows never had.
  return { table, columns, primaryKey: primaryKey.every((name) => recorded.columns.includes(name)) ? primaryKey : [] }
}

/** Columns of the archive table that the batch was archived without: NULL in all of its rows, unless somebody filled them. */
export async function addedSince(db: Queryable, schema: string, recorded: RecordedTable): Promise<string[]> {
  const found = await columnsOf(db, archiveSchemaOf(schema), recorded.table)
  return found.map(({ name }) => name).filter((name) => name !== BATCH_COLUMN && !recorded.columns.includes(name))
}

/** SHA-256 over what a reader must agree on to understand the rows: names, types and key, in lower-case hex. */
export function fingerprint(
  columns: readonly { readonly name: string; readonly type: string; readonly generated: boolean }[],
  primaryKey: readonly string[],
): string {
  const facts = [columns.map(({ name, type, generated }) => [name, type, generated]), primaryKey]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

interface ArchivedColumn extends Omit<ColumnShape, 'generated'> {}

function columnsOf(db: Queryable, schema: string, table: string): Promise<ArchivedColumn[]> {
  return db.rows<ArchivedColumn>(sql`
    WITH RECURSIVE own AS (
      SELECT a.attnum, a.attname AS name, a.atttypid AS type_id, a.atttypmod AS modifier,
             format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = ${schema} AND c.relname = ${table} AND a.attnum > 0 AND NOT a.attisdropped
    ), resolved AS (
      -- Domains down to what they stand for; the modifier is that of the domain nearest to it.
      SELECT attnum, name, type, type_id, modifier FROM own
      UNION ALL
      SELECT r.attnum, r.name, r.type, t.typbasetype, t.typtypmod
      FROM resolved AS r
      JOIN pg_catalog.pg_type AS t ON t.oid = r.type_id
      WHERE t.typtype = 'd'
    )
    SELECT r.name, r.type, COALESCE(e.typname, t.typname) AS base, e.oid IS NOT NULL AS "isArray",
           -- numeric(p, s) as its modifier has it: p in the upper half, s in the lower eleven bits, all plus 4.
           CASE WHEN t.typname = 'numeric' AND r.modifier >= 4 THEN ((r.modifier - 4) >> 16) & 65535 END AS precision,
           CASE WHEN t.typname = 'numeric' AND r.modifier >= 4 THEN (((r.modifier - 4) & 2047) # 1024) - 1024 END AS scale
    FROM resolved AS r
    JOIN pg_catalog.pg_type AS t ON t.oid = r.type_id AND t.typtype <> 'd'
    -- Arrays proper are the array type of their elements; name, point, int2vector and others are arrays in C only.
    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
    ORDER BY r.attnum`)
}

interface LiveColumn {
  readonly name: string
  readonly generated: boolean
  readonly keyPosition: number | null
}

function liveColumns(db: Queryable, schema: string, table: string): Promise<LiveColumn[]> {
  return db.rows<LiveColumn>(sql`
    SELECT a.attname AS name, a.attgenerated <> '' AS generated,
           array_position(k.conkey, a.attnum) AS "keyPosition"
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p'
    WHERE n.nspname = ${schema} AND c.relname = ${table} AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum`)
}

function missing(schema: string, table: string, column: string): OperationError {
  return new OperationError({
    code: 'archive-column-missing',
    message: `The archive table ${archiveSchemaOf(schema)}.${table} has no column ${column}, which its batches were archived with`,
    hint: 'Put the column back (ALTER TABLE … ADD COLUMN), or restore the batch from where it was saved',
  })
}
