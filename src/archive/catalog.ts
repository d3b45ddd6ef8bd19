/**
 * What the catalog says of the tables that an archive run reaches, and of the keys between them, read anew each run
 * (PostgreSQL manual, chapter 52). Tables are told apart by their OIDs.
 */
import type { Queryable } from '../db/database.ts'
import { type Sql, sql } from '../model/sql.ts'
import { type Relation, readTables, type Table } from './catalog-tables.ts'
import type { Selection } from './selection.ts'

export type OnDelete = 'cascade' | 'no action' | 'restrict' | 'set null' | 'set default'

/** One foreign key; `child` refers to `parent`. */
export interface Key {
  readonly oid: number
  readonly name: string
  /** OIDs of the tables; the relations are those that the key was declared on, which may be partitions of them. */
  readonly child: number
  readonly parent: number
  readonly childRelation: Relation
  readonly parentRelation: Relation
  readonly pairs: readonly KeyPair[]
  readonly onDelete: OnDelete
  /** An index of the referring table leads with the key's columns. */
  readonly indexed: boolean
}

export interface KeyPair {
  readonly column: string
  readonly referenced: string
  /** Schema and name of the operator that compares them, referenced column first. */
  readonly operator: readonly [schema: string, name: string]
  /** Quoted collation of the referenced column where the two differ. */
  readonly collation: string | null
}

export interface Catalog {
  readonly root: Table
  /** Every table that is reached, and those that refer to them, by OID. */
  readonly tables: ReadonlyMap<number, Table>
  /** Every foreign key to a table that is reached. */
  readonly keys: readonly Key[]
  /** Columns of the root's age by which no index finds what is due. */
  readonly agesWithoutIndex: readonly string[]
}

/**
 * Reads what a selection reaches. Call it in a transaction with an empty search path, so that types are printed with
 * their schema, and with one snapshot.
 *
 * @returns undefined when there is no such table
 */
export async function readCatalog(tx: Queryable, selection: Selection): Promise<Catalog | undefined> {
  const root = await tx.maybeOne<{ oid: number }>(sql`
    SELECT c.oid
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${selection.schema}
      AND c.relname = ${selection.table}
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`)
  if (root === undefined) return undefined
  const keys = await readKeys(tx, root.oid, selection.follow)
  const tables = await readTables(tx, [...new Set([root.oid, ...keys.map(({ child }) => child)])])
  const found = tables.get(root.oid)
  if (found === undefined) return undefined
  return { root: found, tables, keys, agesWithoutIndex: await withoutIndex(tx, root.oid, selection) }
}

/** Actions over which the closure goes on. */
export function followedActions(follow: Selection['follow']): readonly OnDelete[] {
  return follow === 'cascade' ? ['cascade'] : ['cascade', 'no action', 'restrict']
}

const CODES: Readonly<Record<OnDelete, string>> = {
  cascade: 'c',
  'no action': 'a',
  restrict: 'r',
  'set null': 'n',
  'set default': 'd',
}

/** The keys to every table that is reached from the root. */
async function readKeys(tx: Queryable, root: number, follow: Selection['follow']): Promise<Key[]> {
  const codes = followedActions(follow).map((action) => CODES[action])
  return tx.rows<Key>(sql`
    WITH RECURSIVE key AS MATERIALIZED (
      -- A key of a partition that is a copy of its table's has a parent; the table's is the one to follow.
      SELECT k.*,
             COALESCE(pg_partition_root(k.conrelid), k.conrelid)::oid AS child,
             COALESCE(pg_partition_root(k.confrelid), k.confrelid)::oid AS parent
      FROM pg_catalog.pg_constraint AS k
      WHERE k.contype = 'f'
        AND k.conparentid = 0
    ),
    reached AS (
      SELECT ${root}::oid AS oid
      UNION
      SELECT key.child
      FROM reached
      JOIN key ON key.parent = reached.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = key.child
      WHERE key.confdeltype::text = ANY (${codes}::text[])
        -- A batch is of one schema, the one that its lease is on.
        AND c.relnamespace = (SELECT r.relnamespace FROM pg_catalog.pg_class AS r WHERE r.oid = ${root}::oid)
    )
    SELECT k.oid, k.conname::text AS name, k.child, k.parent,
           jsonb_build_object('oid', c.oid::bigint, 'schema', cn.nspname, 'name', c.relname) AS "childRelation",
           jsonb_build_object('oid', p.oid::bigint, 'schema', pn.nspname, 'name', p.relname) AS "parentRelation",
           CASE k.confdeltype
             WHEN 'c' THEN 'cascade'
             WHEN 'a' THEN 'no action'
             WHEN 'r' THEN 'restrict'
             WHEN 'n' THEN 'set null'
             ELSE 'set default'
           END AS "onDelete",
           pair.pairs,
           ${leadsAnIndex(sql`k.conrelid`, sql`k.conkey`)} AS indexed
    FROM key AS k
    JOIN reached ON reached.oid = k.parent
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
    JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(
               jsonb_build_object(
                 'column', own.attname,
                 'referenced', theirs.attname,
                 'operator', jsonb_build_array(opn.nspname, op.oprname),
                 'collation', CASE
                   WHEN own.attcollation <> theirs.attcollation AND theirs.attcollation <> 0
                   THEN quote_ident(con.nspname) || '.' || quote_ident(co.collname)
                 END
               )
               ORDER BY part.position
             ) AS pairs
      FROM unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY AS part (own, theirs, operator, position)
      JOIN pg_catalog.pg_attribute AS own ON own.attrelid = k.conrelid AND own.attnum = part.own
      JOIN pg_catalog.pg_attribute AS theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = part.theirs
      JOIN pg_catalog.pg_operator AS op ON op.oid = part.operator
      JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
      LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = theirs.attcollation
      LEFT JOIN pg_catalog.pg_namespace AS con ON con.oid = co.collnamespace
    ) AS pair
    ORDER BY cn.nspname, c.relname, k.conname`)
}

/** True where an index covers every row whose columns are set: it has no condition, or only that one. */
function coversSet(relation: Sql, names: Sql): Sql {
  return sql`(
                 i.indpred IS NULL
                 OR string_to_array(regexp_replace(pg_get_expr(i.indpred, i.indrelid), '[()]', '', 'g'), ' AND ')
                   <@ ARRAY(
                     SELECT quote_ident(own.attname) || ' IS NOT NULL'
                     FROM pg_catalog.pg_attribute AS own
                     WHERE own.attrelid = ${relation}
                       AND ${names}
                   )
               )`
}

/** True where a valid index without condition (but that its columns are set) begins with these columns, in any order. */
function leadsAnIndex(relation: Sql, columns: Sql): Sql {
  return sql`EXISTS (
             SELECT
             FROM pg_catalog.pg_index AS i
             JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
             JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
             WHERE i.indrelid = ${relation}
               AND i.indisvalid
               AND ${coversSet(relation, sql`own.attnum = ANY (${columns})`)}
               AND (am.amname = 'btree' OR am.amname = 'hash' AND cardinality(${columns}) = 1)
               AND (i.indkey::smallint[])[0:cardinality(${columns}) - 1] @> (${columns})::smallint[]
           )`
}

/** Ages that are made of several columns are served by one index a column, which those of `only` may lead. */
async function withoutIndex(
  tx: Queryable,
  relation: number,
  { ageColumns, valueColumns = [] }: Selection,
): Promise<readonly string[]> {
  const values = sql`${[...valueColumns]}::text[]`
  const missing = await tx.rows<{ name: string }>(sql`
    SELECT a.attname::text AS name
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = ${relation}::oid
      AND a.attname = ANY (${[...ageColumns]}::text[])
      AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
        CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS part (number, position)
        WHERE i.indrelid = a.attrelid
          AND i.indisvalid
          AND am.amname = 'btree'
          AND part.number = a.attnum
          AND part.position <= i.indnkeyatts
          AND ${coversSet(sql`a.attrelid`, sql`(own.attnum = a.attnum OR own.attname = ANY (${values}))`)}
          AND NOT EXISTS (
            SELECT
            FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS earlier (number, position)
            LEFT JOIN pg_catalog.pg_attribute AS b ON b.attrelid = a.attrelid AND b.attnum = earlier.number
            WHERE earlier.position < part.position
              AND (b.attname = ANY (${values})) IS NOT TRUE
          )
      )
    ORDER BY array_position(${[...ageColumns]}::text[], a.attname::text)`)
  return missing.map(({ name }) => name)
}

/**
 * A digest of everything that a batch depends on: the columns, keys, partitions and names of these tables. It changes
 * with a column or key that comes or goes.
 *
 * @param oids of the tables that are reached, their leaves, and those that refer to them
 */
export function fingerprintSql(oids: readonly number[]): Sql {
  return sql`
    WITH concerned AS (SELECT unnest(${[...oids]}::oid[]) AS oid)
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) AS fingerprint
    FROM (
      SELECT concat_ws(' ', 'table', c.oid, c.relnamespace, c.relname, c.relkind, c.relispartition, c.relrowsecurity)
      FROM pg_catalog.pg_class AS c
      WHERE c.oid IN (SELECT oid FROM concerned)
      UNION ALL
      SELECT concat_ws(' ', 'column', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull)
      FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid IN (SELECT oid FROM concerned)
        AND a.attnum > 0
        AND NOT a.attisdropped
      UNION ALL
      SELECT concat_ws(' ', 'key', k.oid, k.conname, k.conrelid, k.confrelid, k.conkey, k.confkey, k.confdeltype)
      FROM pg_catalog.pg_constraint AS k
      WHERE k.contype = 'f'
        AND k.confrelid IN (SELECT oid FROM concerned)
      UNION ALL
      SELECT concat_ws(' ', 'part', i.inhparent, i.inhrelid)
      FROM pg_catalog.pg_inherits AS i
      WHERE i.inhparent IN (SELECT oid FROM concerned)
    ) AS lines (line)`
}
