/**
 * What a database says about its migrations, read from the catalog and the bookkeeping tables alone: nothing is
 * created, and a role that may only SELECT gets the same answer.
 */
import type { Queryable } from '../db/database.ts'
import { identifier, sql } from '../model/sql.ts'
import { LOCK_TABLE, MIGRATIONS_TABLE, type SystemMigrations } from './source.ts'

/** One row of `steward_migrations`. */
export interface AppliedMigration {
  readonly id: number
  readonly name: string
  readonly batch: number
  /** ISO 8601, UTC; null when whoever recorded it left it out. */
  readonly appliedAt: string | null
}

export interface MigrationsState {
  readonly schemaExists: boolean
  readonly tableExists: boolean
  readonly lockTableExists: boolean
  /** In the order in which they were applied. */
  readonly applied: readonly AppliedMigration[]
}

export type Reader = Pick<Queryable, 'rows'>

/** Reads the state of one schema. @param schema bare name */
export async function readState(db: Reader, { schema }: Pick<SystemMigrations, 'schema'>): Promise<MigrationsState> {
  // pg_class is readable by everyone, whereas to_regclass() fails without USAGE on the schema.
  const relations = await db.rows<{ relname: string | null }>(sql`
    SELECT c.relname::text AS relname
    FROM pg_catalog.pg_namespace AS n
    LEFT JOIN pg_catalog.pg_class AS c
      ON c.relnamespace = n.oid
     AND c.relkind IN ('r', 'p')
     AND c.relname IN (${MIGRATIONS_TABLE}, ${LOCK_TABLE})
    WHERE n.nspname = ${schema}`)
  const tableExists = relations.some(({ relname }) => relname === MIGRATIONS_TABLE)
  return {
    schemaExists: relations.length > 0,
    tableExists,
    lockTableExists: relations.some(({ relname }) => relname === LOCK_TABLE),
    applied: tableExists ? await readApplied(db, schema) : [],
  }
}

function readApplied(db: Reader, schema: string): Promise<AppliedMigration[]> {
  // Text and small integers only, so that the answer is the same through any driver's type parsers.
  return db.rows<AppliedMigration>(sql`
    SELECT
      id,
      name::text AS name,
      batch,
      to_char(migration_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "appliedAt"
    FROM ${identifier(schema, MIGRATIONS_TABLE)}
    ORDER BY id`)
}

/** The migrations that have not run, in order. */
export function pendingOf(system: SystemMigrations, state: MigrationsState): SystemMigrations['migrations'] {
  const applied = new Set(state.applied.map(({ name }) => name))
  return system.migrations.filter(({ name }) => !applied.has(name))
}

/** Names that are recorded as applied but that this Steward does not contain. */
export function missingOf(system: SystemMigrations, state: MigrationsState): string[] {
  const known = new Set(system.migrations.map(({ name }) => name))
  return state.applied.map(({ name }) => name).filter((name) => !known.has(name))
}
