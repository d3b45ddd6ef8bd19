/**
 * Who stands for a file: rows of the tables whose entities have files, rows of those tables that are archived, and
 * files of archived rows that lie in cold files only. A file goes, or counts as an orphan, when none of them does.
 */
import { archiveSchemaOf, STEWARD_SCHEMA } from '../config/config.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import type { System } from '../model/system.ts'
import { canonicalUri, isOddSql } from './uri.ts'
import { UriCounts } from './uri-counts.ts'

/** A system whose tables are in the database. */
export interface PlacedSystem {
  readonly system: System
  /** Unquoted. */
  readonly schema: string
}

/** A table of rows that stand for files. */
export interface Holder {
  /** `skyvern.artifacts`, `skyvern_archive.artifacts`, `steward.archived_files`. */
  readonly name: string
  readonly schema: string
  readonly table: string
  /** Column of the URI. */
  readonly uri: string
  /** Column that tells the rows apart, for people. */
  readonly key: string
  /** Type of that column, for values that are compared with it. */
  readonly keyType: string
  /** Column of the size in bytes. */
  readonly bytes: string
  /** Instant of the row, as far as the entity has one. */
  readonly time: string | undefined
  /** `live`: rows of the platform. `archived`: they are in the archive tables. `cold`: in cold files. */
  readonly kind: 'live' | 'archived' | 'cold'
  /** Whether an index leads with the URI. */
  readonly indexed: boolean
}

export interface Holders {
  readonly tables: readonly Holder[]
  /** Statements that would help: an index that finds URIs, the right to read a table. */
  readonly suggestions: readonly string[]
}

/** Entities of a system that have files by their rows. */
export function filedEntities({ system }: PlacedSystem): (Entity & { readonly file: NonNullable<Entity['file']> })[] {
  return system.entities.flatMap((entity) => (entity.file ? [{ ...entity, file: entity.file }] : []))
}

/**
 * Finds those that are in the database. Tables of the same name and columns in other schemas count as well: another
 * deployment of the system, under another profile, may keep its files in the same store.
 */
export async function holdersIn(db: Queryable, systems: readonly PlacedSystem[]): Promise<Holders> {
  const found: Holder[] = []
  const suggestions: string[] = []
  const known = new Set<string>()
  for (const placed of systems) {
    for (const { table, primaryKey: key, file, list } of filedEntities(placed)) {
      const one = { table, key, uri: file.uri, bytes: file.bytes, time: list.time }
      for (const { schema, readable, ...facts } of await placesOf(db, table, [file.uri, key])) {
        const name = `${schema}.${table}`
        if (known.has(name)) continue
        known.add(name)
        const kind = schema.endsWith(archiveSchemaOf('')) ? 'archived' : 'live'
        if (readable) found.push({ ...one, ...facts, schema, name, kind })
        else
          suggestions.push(
            `GRANT SELECT ON ${identifier(schema, table).sql} TO CURRENT_USER -- its files count as nobody's`,
          )
      }
    }
  }
  for (const { readable: _, ...cold } of await placesOf(db, 'archived_files', ['uri', 'artifact_id'])) {
    if (cold.schema !== STEWARD_SCHEMA) continue
    const columns = { table: 'archived_files', key: 'artifact_id', uri: 'uri', bytes: 'bytes', time: undefined }
    found.push({ ...columns, ...cold, name: `${STEWARD_SCHEMA}.archived_files`, kind: 'cold' })
  }
  for (const { schema, table, uri, indexed } of found) {
    if (indexed) continue
    suggestions.push(
      `CREATE INDEX CONCURRENTLY ON ${identifier(schema, table).sql} USING hash (${identifier(uri).sql})`,
    )
  }
  return { tables: found, suggestions }
}

/** The schemas that have a table of this name with these columns; facts about the first two. */
export function placesOf(
  db: Queryable,
  table: string,
  columns: readonly [string, string, ...string[]],
): Promise<{ schema: string; readable: boolean; indexed: boolean; keyType: string }[]> {
  const [lead, key] = columns
  return db.rows(sql`
    SELECT
      n.nspname AS schema,
      has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
      format_type(k.atttypid, NULL) AS "keyType",
      -- Any index that finds one value: a B-tree or a hash, of all rows, usable.
      EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
        WHERE i.indrelid = c.oid
          AND i.indisvalid
          AND i.indpred IS NULL
          AND i.indkey[0] = u.attnum
          AND am.amname IN ('btree', 'hash')
      ) AS indexed
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS u ON u.attrelid = c.oid AND u.attname = ${lead} AND NOT u.attisdropped
    JOIN pg_catalog.pg_attribute AS k ON k.attrelid = c.oid AND k.attname = ${key} AND NOT k.attisdropped
    WHERE c.relname = ${table}
      AND c.relkind IN ('r', 'p')
      AND c.relpersistence <> 't'
      AND NOT starts_with(n.nspname::text, 'pg_')
      AND (
        SELECT COUNT(*)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = ANY (${[...columns]}::text[]) AND NOT a.attisdropped
      ) = ${new Set(columns).size}
    ORDER BY n.nspname`)
}

/**
 * What no index finds: every URI that may be written in several ways, and every URI of tables without an index, as one
 * stands for. One pass over these tables; rows that come meanwhile and write an old file's URI in an odd way are not
 * seen, so it is made anew for each run.
 */
export function countUnindexed(db: Database, holders: Holders): Promise<UriCounts> {
  return db.transaction((tx) => countUnindexedIn(tx, holders), { readOnly: true, statementTimeoutMs: 0 })
}

/** As `countUnindexed`, in a transaction that is there. */
export async function countUnindexedIn(tx: Transaction, { tables }: Holders): Promise<UriCounts> {
  const counts = new UriCounts()
  for (const { schema, table, uri, indexed } of tables) {
    const column = identifier('h', uri)
    const some = indexed ? isOddSql(column) : sql`${column} IS NOT NULL`
    const rows = tx.stream<{ uri: string }>(
      sql`SELECT ${column} AS uri FROM ${identifier(schema, table)} AS h WHERE ${some}`,
      10_000,
    )
    for await (const row of rows) counts.add(canonicalUri(row.uri))
  }
  return counts
}

/**
 * The rows that the indexes find for canonical URIs, as a statement: one row a holder and URI.
 *
 * @param holders those with an index
 */
export function heldSql(holders: readonly Holder[], uris: readonly string[]): Sql {
  if (holders.length === 0) return sql`SELECT ''::text AS holder, ''::text AS uri WHERE FALSE`
  const branches = holders.map(
    ({ name, schema, table, uri }) => sql`
      SELECT ${name}::text AS holder, f.uri
      FROM asked AS f
      WHERE EXISTS (SELECT FROM ${identifier(schema, table)} AS h WHERE ${identifier('h', uri)} = f.uri)`,
  )
  return sql`
    WITH asked AS MATERIALIZED (SELECT unnest(${[...uris]}::text[]) AS uri)
    ${join(branches, '\n      UNION ALL')}`
}

/**
 * Canonical URIs for which somebody stands, with the table that was found first.
 *
 * @param oddly whether a row that no index finds stands for it
 */
export async function heldAmong(
  db: Queryable,
  { tables }: Holders,
  uris: readonly string[],
  oddly: (uri: string) => boolean,
): Promise<Map<string, string>> {
  const held = new Map<string, string>()
  if (uris.length === 0) return held
  const indexed = tables.filter((one) => one.indexed)
  for (const { holder, uri } of await db.rows<{ holder: string; uri: string }>(heldSql(indexed, uris))) {
    if (!held.has(uri)) held.set(uri, holder)
  }
  for (const uri of uris) if (!held.has(uri) && oddly(uri)) held.set(uri, ODDLY)
  return held
}

/** What is said of rows that only the pass over all of them found. */
export const ODDLY = 'another row'
