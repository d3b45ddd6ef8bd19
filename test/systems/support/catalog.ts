/** What a schema really holds, read from the catalog (PostgreSQL manual, 52). */
import type { Database, Queryable } from '../../../src/db/database.ts'
import { raw, sql } from '../../../src/model/sql.ts'
import type { SchemaDescription, TableDescription } from './description.ts'

/** The schema's own bookkeeping of applied migrations is left out. */
const BOOKKEEPING = raw("'^steward_migrations'")

/** What an extension brought into the schema is the extension's. */
function ownObject(catalog: 'pg_class' | 'pg_proc' | 'pg_type') {
  const name = raw(`'pg_catalog.${catalog}'::regclass AND objid = ${catalog}.oid`)
  return sql`NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = ${name} AND deptype = 'e')`
}

/** Describes everything in the schema, in one snapshot and with an empty search path. */
export async function describeCatalog(db: Database, schema: string): Promise<SchemaDescription> {
  return db.transaction(
    async (tx) => {
      await tx.execute(sql`SET LOCAL search_path = ''`)
      const tables = await tx.rows<{ name: string; oid: string }>(sql`
        SELECT relname AS name, oid::text AS oid
        FROM pg_catalog.pg_class
        WHERE relnamespace = ${schema}::text::regnamespace AND relkind = 'r' AND relname !~ ${BOOKKEEPING}
          AND ${ownObject('pg_class')}
        ORDER BY relname`)
      const described: [string, TableDescription][] = []
      for (const { name, oid } of tables) described.push([name, await describeTable(tx, oid)])
      return { tables: Object.fromEntries(described), ...(await describeRest(tx, schema)) }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

async function describeTable(tx: Queryable, oid: string): Promise<TableDescription> {
  const table = sql`${oid}::text::oid`
  const columns = await tx.rows<{ name: string; type: string; nullable: boolean; default: string | null }>(sql`
    SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable,
           pg_get_expr(adbin, adrelid) AS default
    FROM pg_catalog.pg_attribute
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = ${table} AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum`)
  // NOT NULL constraints have rows of their own since PostgreSQL 18; the columns say it already.
  const constraints = await tx.rows<{
    name: string
    type: string
    fields: string[]
    table: string | null
    column: string | null
    onDelete: string | null
    expression: string | null
  }>(sql`
    SELECT conname AS name, contype::text AS type,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS key (number, place)
                 JOIN pg_catalog.pg_attribute ON attrelid = conrelid AND attnum = key.number
                 ORDER BY place) AS fields,
           (SELECT relname FROM pg_catalog.pg_class WHERE oid = confrelid) AS table,
           (SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1]) AS column,
           CASE confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict'
                            ELSE confdeltype::text END AS "onDelete",
           pg_get_expr(conbin, conrelid) AS expression
    FROM pg_catalog.pg_constraint
    WHERE conrelid = ${table} AND contype <> 'n'
    ORDER BY conname`)
  const ofType = (type: string) => constraints.filter((constraint) => constraint.type === type)
  return {
    columns: Object.fromEntries(columns.map(({ name, ...column }) => [name, column])),
    primaryKey: ofType('p').flatMap(({ fields }) => fields),
    foreignKeys: Object.fromEntries(
      ofType('f').map(({ name, fields, table, column, onDelete }) => [
        fields.join(),
        { name, table: table ?? '', column: column ?? '', onDelete: onDelete ?? '' },
      ]),
    ),
    uniques: Object.fromEntries(ofType('u').map(({ name, fields }) => [name, fields])),
    checks: Object.fromEntries(ofType('c').map(({ name, expression }) => [name, expression ?? ''])),
    indexes: Object.fromEntries(
      (await describeIndexes(tx, oid))
        .filter(({ backs }) => !backs)
        .map(({ name, backs: _, ...index }) => [name, index]),
    ),
    triggers: (
      await tx.rows<{ name: string }>(sql`
        SELECT tgname AS name FROM pg_catalog.pg_trigger WHERE tgrelid = ${table} AND NOT tgisinternal ORDER BY tgname`)
    ).map(({ name }) => name),
  }
}

/** Every valid index of a table; `backs` is true where a constraint owns it. */
export async function describeIndexes(tx: Queryable, oid: string) {
  return tx.rows<{
    name: string
    backs: boolean
    on: string[]
    method: string
    unique: boolean
    where: string | null
  }>(sql`
    SELECT index.relname AS name,
           EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')) AS backs,
           ARRAY(SELECT coalesce(attname::text, pg_get_indexdef(indexrelid, place::int, false))
                        || CASE WHEN indoption[place - 1] & 1 = 1 THEN ' DESC' ELSE '' END
                 FROM unnest(indkey::int2[]) WITH ORDINALITY AS key (number, place)
                 LEFT JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = key.number AND key.number > 0
                 ORDER BY place) AS on,
           amname AS method, indisunique AS unique, pg_get_expr(indpred, indrelid) AS where
    FROM pg_catalog.pg_index
    JOIN pg_catalog.pg_class AS index ON index.oid = indexrelid
    JOIN pg_catalog.pg_am ON pg_am.oid = index.relam
    WHERE indrelid = ${oid}::text::oid AND indisvalid AND indisready
    ORDER BY index.relname`)
}

async function describeRest(tx: Queryable, schema: string): Promise<Omit<SchemaDescription, 'tables'>> {
  const namespace = sql`${schema}::text::regnamespace`
  const names = async (statement: ReturnType<typeof sql>) =>
    (await tx.rows<{ name: string }>(statement)).map(({ name }) => name)
  const types = await tx.rows<{ name: string; labels: string[] }>(sql`
    SELECT typname AS name,
           ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = pg_type.oid ORDER BY enumsortorder) AS labels
    FROM pg_catalog.pg_type
    WHERE typnamespace = ${namespace} AND typtype = 'e'
    ORDER BY typname`)
  return {
    types: Object.fromEntries(types.map(({ name, labels }) => [name, labels])),
    // Sequences that a serial column of the bookkeeping owns are its own.
    sequences: await names(sql`
      SELECT relname AS name FROM pg_catalog.pg_class
      WHERE relnamespace = ${namespace} AND relkind = 'S' AND relname !~ ${BOOKKEEPING}
      ORDER BY relname`),
    functions: await names(sql`
      SELECT proname || '(' || oidvectortypes(proargtypes) || ')' AS name
      FROM pg_catalog.pg_proc
      WHERE pronamespace = ${namespace} AND ${ownObject('pg_proc')}
      ORDER BY 1`),
    others: await names(sql`
      SELECT relname AS name FROM pg_catalog.pg_class
      WHERE relnamespace = ${namespace} AND relkind NOT IN ('r', 'i', 'S', 't') AND ${ownObject('pg_class')}
      UNION ALL
      SELECT typname FROM pg_catalog.pg_type WHERE typnamespace = ${namespace} AND typtype NOT IN ('e', 'c', 'b')
        AND ${ownObject('pg_type')}
      ORDER BY 1`),
  }
}
