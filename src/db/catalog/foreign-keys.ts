import { identifier, join, type Sql, sql } from '../../model/sql.ts'
import type { Queryable } from '../database.ts'
import { columnNames, type Deferrability, deferrability, type Validity, validity } from './scope.ts'

export interface ForeignKey {
  readonly name: string
  /** The referring table, the one with the key's columns. */
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
  readonly referencedSchema: string
  readonly referencedTable: string
  readonly referencedColumns: readonly string[]
  readonly onDelete: ForeignKeyAction
  readonly onUpdate: ForeignKeyAction
  readonly deferrability: Deferrability
  readonly validity: Validity
}

export type ForeignKeyAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

/** Foreign keys that refer to the table, of any schema: who notices when its rows go. */
export function foreignKeysTo(db: Queryable, schema: string, table: string): Promise<ForeignKey[]> {
  return foreignKeys(db, sql`rn.nspname = ${schema} AND rc.relname = ${table}`)
}

/** Every foreign key whose referring table is in the schema. */
export function foreignKeysIn(db: Queryable, schema: string): Promise<ForeignKey[]> {
  return foreignKeys(db, sql`n.nspname = ${schema}`)
}

/** That a row refers to another over the key. @param child, parent aliases of the two */
export function refersTo(key: ForeignKey, child: string, parent: string): Sql {
  const pairs = key.columns.map(
    (column, index) =>
      sql`${identifier(child, column)} = ${identifier(parent, key.referencedColumns[index] ?? column)}`,
  )
  return join(pairs, ' AND ')
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
           ${action(sql`k.confdeltype`)} AS "onDelete",
           ${action(sql`k.confupdtype`)} AS "onUpdate",
           ${deferrability} AS deferrability,
           ${validity} AS validity
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class AS rc ON rc.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rc.relnamespace
    WHERE k.contype = 'f'
      -- A partition that refers, or is referred to, has a copy of its table's key; the table's is the one to speak of.
      AND k.conparentid = 0
      AND ${condition}
    ORDER BY n.nspname, c.relname, k.conname
  `)
}

function action(code: Sql): Sql {
  return sql`CASE ${code}
             WHEN 'a' THEN 'no action'
             WHEN 'r' THEN 'restrict'
             WHEN 'c' THEN 'cascade'
             WHEN 'n' THEN 'set null'
             ELSE 'set default'
           END`
}
