/**
 * What the catalog knows of a schema's tables: one function a question, all of them pure reads that need no privilege
 * on the tables themselves. Source: PostgreSQL manual, chapter 52 (System Catalogs).
 */
import { type Sql, sql } from '../model/sql.ts'
import type { Database, Queryable } from './database.ts'

/**
 * Runs `work` where no name is on the search path, so that expressions and types from the catalog are always printed
 * with their schema. Without it a role that is named like the schema gets them bare (`"$user"`).
 */
export function withQualifiedNames<T>(db: Database, work: (catalog: Queryable) => Promise<T>): Promise<T> {
  return db.transaction(
    async (tx) => {
      await tx.execute(sql`SET LOCAL search_path = ''`)
      return work(tx)
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

export interface CatalogTable {
  readonly name: string
  /** `table`, `partitioned table`, `view`, `materialized view`, `foreign table`. */
  readonly kind: string
  /** The planner's estimate; null when the table was never vacuumed or analysed. */
  readonly estimatedRows: bigint | null
  readonly comment: string | null
}

/** True when the schema exists. */
export async function schemaExists(db: Queryable, schema: string): Promise<boolean> {
  return (await db.maybeOne(sql`SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${schema}`)) !== undefined
}

/** Tables and views of a schema, by name. */
export function tables(db: Queryable, schema: string): Promise<CatalogTable[]> {
  return db.rows<CatalogTable>(sql`
    SELECT c.relname AS name,
           CASE c.relkind
             WHEN 'r' THEN 'table'
             WHEN 'p' THEN 'partitioned table'
             WHEN 'v' THEN 'view'
             WHEN 'm' THEN 'materialized view'
             ELSE 'foreign table'
           END AS kind,
           CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS "estimatedRows",
           obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY c.relname
  `)
}

export interface CatalogColumn {
  readonly table: string
  readonly name: string
  readonly position: number
  /** As `format_type` prints it, types outside pg_catalog always with their schema. */
  readonly type: string
  readonly nullable: boolean
  /** Default as `pg_get_expr` prints it; the generating expression for a generated column. */
  readonly default: string | null
  readonly identity: 'always' | 'by default' | null
  readonly generated: boolean
  readonly comment: string | null
}

/** Columns of a schema's tables in their order. */
export function columns(db: Queryable, schema: string, table?: string): Promise<CatalogColumn[]> {
  return db.rows<CatalogColumn>(sql`
    SELECT c.relname AS "table",
           a.attname AS name,
           a.attnum::integer AS position,
           CASE
             WHEN tn.nspname = 'pg_catalog' THEN format_type(a.atttypid, a.atttypmod)
             ELSE tn.nspname || '.' || coalesce(e.typname || '[]', t.typname)
           END AS type,
           NOT a.attnotnull AS nullable,
           pg_get_expr(d.adbin, d.adrelid) AS "default",
           CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
           a.attgenerated <> '' AS generated,
           col_description(c.oid, a.attnum) AS comment
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0
      AND NOT a.attisdropped
      AND ${only(sql`c.relname`, table)}
    ORDER BY c.relname, a.attnum
  `)
}

export interface CatalogIndex {
  readonly table: string
  readonly name: string
  readonly method: string
  /** Key columns or expressions in order, with DESC and NULLS where they are not the default. */
  readonly on: readonly string[]
  /** Columns it only carries (INCLUDE). */
  readonly includes: readonly string[]
  readonly unique: boolean
  readonly primary: boolean
  /** Name of the constraint it backs. */
  readonly constraint: string | null
  /** Predicate of a partial index as `pg_get_expr` prints it. */
  readonly where: string | null
  /** False when a concurrent build was interrupted. */
  readonly valid: boolean
  /** `pg_get_indexdef`. */
  readonly definition: string
  readonly bytes: bigint
}

/** Indexes of a schema's tables. */
export function indexes(db: Queryable, schema: string, table?: string): Promise<CatalogIndex[]> {
  return db.rows<CatalogIndex>(sql`
    SELECT c.relname AS "table",
           i.relname AS name,
           am.amname AS method,
           ARRAY(
             SELECT pg_get_indexdef(x.indexrelid, k, false)
                    -- indoption holds two bits a column: 1 descending, 2 nulls first (the default of descending).
                    || CASE x.indoption[k - 1] & 3
                         WHEN 1 THEN ' DESC NULLS LAST'
                         WHEN 2 THEN ' NULLS FIRST'
                         WHEN 3 THEN ' DESC'
                         ELSE ''
                       END
             FROM generate_series(1, x.indnkeyatts) AS k
             ORDER BY k
           ) AS "on",
           ARRAY(
             SELECT pg_get_indexdef(x.indexrelid, k, false)
             FROM generate_series(x.indnkeyatts + 1, x.indnatts) AS k
             ORDER BY k
           ) AS includes,
           x.indisunique AS "unique",
           x.indisprimary AS "primary",
           con.conname AS "constraint",
           pg_get_expr(x.indpred, x.indrelid) AS "where",
           x.indisvalid AS valid,
           pg_get_indexdef(x.indexrelid) AS definition,
           pg_relation_size(x.indexrelid) AS bytes
    FROM pg_catalog.pg_index AS x
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_am AS am ON am.oid = i.relam
    LEFT JOIN pg_catalog.pg_constraint AS con ON con.conindid = i.oid AND con.contype IN ('p', 'u', 'x')
    WHERE n.nspname = ${schema}
      AND ${only(sql`c.relname`, table)}
    ORDER BY c.relname, i.relname
  `)
}

export interface CatalogConstraint {
  readonly table: string
  readonly name: string
  readonly kind: 'primary key' | 'unique' | 'check' | 'foreign key' | 'exclusion'
  readonly columns: readonly string[]
  /** `pg_get_constraintdef`. */
  readonly definition: string
  /** False while NOT VALID. */
  readonly validated: boolean
}

/** Constraints of a schema's tables; NOT NULL ones are a property of columns. */
export function constraints(db: Queryable, schema: string, table?: string): Promise<CatalogConstraint[]> {
  return db.rows<CatalogConstraint>(sql`
    SELECT c.relname AS "table",
           k.conname AS name,
           CASE k.contype
             WHEN 'p' THEN 'primary key'
             WHEN 'u' THEN 'unique'
             WHEN 'c' THEN 'check'
             WHEN 'f' THEN 'foreign key'
             ELSE 'exclusion'
           END AS kind,
           ${columnNames(sql`k.conrelid`, sql`k.conkey`)} AS columns,
           pg_get_constraintdef(k.oid) AS definition,
           k.convalidated AS validated
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND k.contype IN ('p', 'u', 'c', 'f', 'x')
      AND ${only(sql`c.relname`, table)}
    ORDER BY c.relname, k.conname
  `)
}

export interface ForeignKey {
  readonly name: string
  /** The referring table, the one with the key's columns. */
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
  readonly referencedSchema: string
  readonly referencedTable: string
  readonly referencedColumns: readonly string[]
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'
}

/** Foreign keys that refer to the table, of any schema: who notices when its rows go. */
export function foreignKeysTo(db: Queryable, schema: string, table: string): Promise<ForeignKey[]> {
  return foreignKeys(db, sql`rn.nspname = ${schema} AND rc.relname = ${table}`)
}

/** Foreign keys of the table itself. */
export function foreignKeysFrom(db: Queryable, schema: string, table: string): Promise<ForeignKey[]> {
  return foreignKeys(db, sql`n.nspname = ${schema} AND c.relname = ${table}`)
}

/** Every foreign key whose referring table is in the schema. */
export function foreignKeysIn(db: Queryable, schema: string): Promise<ForeignKey[]> {
  return foreignKeys(db, sql`n.nspname = ${schema}`)
}

function foreignKeys(db: Queryable, condition: Sql): Promise<ForeignKey[]> {
  return db.rows<ForeignKey>(sql`
    SELECT k.conname AS name,
           n.nspname AS schema,
           c.relname AS "table",
           ${columnNames(sql`k.conrelid`, sql`k.conkey`)} AS columns,
           rn.nspname AS "referencedSchema",
           rc.relname AS "referencedTable",
           ${columnNames(sql`k.confrelid`, sql`k.confkey`)} AS "referencedColumns",
           CASE k.confdeltype
             WHEN 'a' THEN 'no action'
             WHEN 'r' THEN 'restrict'
             WHEN 'c' THEN 'cascade'
             WHEN 'n' THEN 'set null'
             ELSE 'set default'
           END AS "onDelete"
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class AS rc ON rc.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rc.relnamespace
    WHERE k.contype = 'f'
      -- Partitions inherit their parent's keys; the parent's is the one to speak of.
      AND k.conparentid = 0
      AND ${condition}
    ORDER BY n.nspname, c.relname, k.conname
  `)
}

export interface CatalogTrigger {
  readonly table: string
  readonly name: string
  readonly enabled: boolean
  /** `pg_get_triggerdef`. */
  readonly definition: string
}

/** Triggers that someone created; those behind constraints are left out. */
export function triggers(db: Queryable, schema: string, table?: string): Promise<CatalogTrigger[]> {
  return db.rows<CatalogTrigger>(sql`
    SELECT c.relname AS "table",
           t.tgname AS name,
           t.tgenabled <> 'D' AS enabled,
           pg_get_triggerdef(t.oid) AS definition
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND NOT t.tgisinternal
      AND ${only(sql`c.relname`, table)}
    ORDER BY c.relname, t.tgname
  `)
}

export interface EnumType {
  readonly name: string
  /** In their order. */
  readonly labels: readonly string[]
}

/** Enum types of a schema. */
export function enumTypes(db: Queryable, schema: string): Promise<EnumType[]> {
  return db.rows<EnumType>(sql`
    SELECT t.typname AS name, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    JOIN pg_catalog.pg_enum AS e ON e.enumtypid = t.oid
    WHERE n.nspname = ${schema}
    GROUP BY t.typname
    ORDER BY t.typname
  `)
}

export interface TableSize {
  readonly table: string
  /** Main fork with its maps, in bytes. */
  readonly heapBytes: bigint
  readonly indexBytes: bigint
  /** TOAST table with its index. */
  readonly toastBytes: bigint
  readonly totalBytes: bigint
  /** The planner's estimate; null when the table was never vacuumed or analysed. */
  readonly estimatedRows: bigint | null
}

/** Sizes of a schema's tables on disk, largest first, by OID (decision 26). Partitions stand for themselves. */
export function tableSizes(db: Queryable, schema: string): Promise<TableSize[]> {
  return db.rows<TableSize>(sql`
    SELECT c.relname AS "table",
           pg_table_size(c.oid) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS "heapBytes",
           pg_indexes_size(c.oid) AS "indexBytes",
           coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS "toastBytes",
           pg_total_relation_size(c.oid) AS "totalBytes",
           CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS "estimatedRows"
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema}
      AND c.relkind IN ('r', 'm')
    ORDER BY pg_total_relation_size(c.oid) DESC, c.relname
  `)
}

function only(column: Sql, name: string | undefined): Sql {
  return name === undefined ? sql`TRUE` : sql`${column} = ${name}`
}

/** The names behind a constraint's column numbers, in their order. */
function columnNames(relation: Sql, numbers: Sql): Sql {
  return sql`ARRAY(
    SELECT a.attname::text
    FROM unnest(${numbers}) WITH ORDINALITY AS key (number, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = ${relation} AND a.attnum = key.number
    ORDER BY key.position
  )`
}
