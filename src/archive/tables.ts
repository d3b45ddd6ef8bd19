/**
 * Archive tables: for each table `<schema>.<table>` one of the same name in `<schema>_archive`, with the same columns
 * by name and type, and the batch that each row came with. It has no constraint and no default, generated columns and
 * identities are plain ones, and a domain is the type that it is over: what was archived once stays readable whatever
 * becomes of the live table.
 */
import { archiveSchemaOf } from '../config/config.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { OperationError, type Problem, StewardError, summed } from '../errors.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import { type Column, readTables, type Table } from './catalog-tables.ts'
import { BATCH_COLUMN } from './record.ts'

/** Milliseconds that each try waits for a lock; the tries. */
const LOCK_MS = 1000
const TRIES = 5
/** Bytes that PostgreSQL keeps of a name (NAMEDATALEN - 1). */
const NAME_BYTES = 63
/** Key of the advisory lock on making archive tables. */
const LOCK = 0x53_74_77_61

export interface ArchiveName {
  readonly schema: string
  readonly name: string
}

/** Where the rows of a table are archived. */
export function archiveOf({ schema, name }: { readonly schema: string; readonly name: string }): ArchiveName {
  return { schema: archiveSchemaOf(schema), name }
}

/** What has to be done before rows of these tables can be archived; no statement when all is there. */
export interface ArchiveTablesPlan {
  /** DDL, one statement each, to be run as they are. */
  readonly statements: readonly string[]
  /** What stands in the way: each names the table, and says what would mend it. */
  readonly problems: readonly Problem[]
}

/** Looks at the archive tables; call it in a transaction with an empty search path. */
export async function planArchiveTables(tx: Queryable, tables: readonly Table[]): Promise<ArchiveTablesPlan> {
  const statements: string[] = []
  const problems: Problem[] = []
  const schemas = new Set<string>()
  const found = await existing(tx, tables)
  for (const table of tables) {
    const archive = archiveOf(table)
    const name = `${archive.schema}.${archive.name}`
    const there = found.get(keyOf(archive))
    if (table.columns.some((column) => column.name === BATCH_COLUMN)) {
      problems.push({
        where: `${table.schema}.${table.name}`,
        reason: `has a column ${BATCH_COLUMN}, which its archive has for itself`,
      })
    } else if (Buffer.byteLength(archive.schema) > NAME_BYTES) {
      problems.push({ where: table.schema, reason: `is too long a name: ${archive.schema} is none in PostgreSQL` })
    } else if (there === undefined) {
      if (!schemas.has(archive.schema)) {
        schemas.add(archive.schema)
        statements.push(...(await schemaStatements(tx, archive.schema, problems)))
      }
      statements.push(...creation(table, archive))
    } else if (there.kind !== 'r') {
      problems.push({ where: name, reason: 'is in the place of the archive table, and is no ordinary table' })
    } else {
      problems.push(...differences(table, there, name))
      const missing = table.columns.filter((column) => !there.columns.some((one) => one.name === column.name))
      if (missing.length > 0) {
        const added = missing.map((column) => sql`ADD COLUMN ${definition(column)}`)
        statements.push(sql`ALTER TABLE ${identifier(archive.schema, archive.name)} ${join(added)}`.text)
        if (!there.owned) problems.push({ where: name, reason: 'lacks columns, and only its owner may add them' })
      }
      if (!there.mayInsert) problems.push({ where: name, reason: 'needs the privilege INSERT' })
    }
  }
  return { statements, problems }
}

/**
 * Makes the archive tables of these tables, and gives them the columns that came since, in one transaction that waits
 * for locks only briefly. Does nothing when all is there.
 *
 * @returns the statements that were run
 * @throws OperationError (exit 6) naming every table that cannot be had, such as one whose column changed its type
 */
export async function ensureArchiveTables(db: Database, tables: readonly Table[]): Promise<readonly string[]> {
  const settings = { search_path: '' }
  const first = await db.transaction((tx) => planArchiveTables(tx, tables), { readOnly: true, settings })
  refuseProblems(first.problems)
  if (first.statements.length === 0) return []
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction((tx) => make(tx, tables), { lockTimeoutMs: LOCK_MS, settings })
    } catch (error) {
      const isBusy = error instanceof StewardError && ['lock-timeout', 'deadlock'].includes(error.code)
      if (!isBusy || attempt === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, 200 * attempt * (0.5 + Math.random())))
    }
  }
}

async function make(tx: Transaction, tables: readonly Table[]): Promise<readonly string[]> {
  // Of runs that meet, one makes them and the others find them made.
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`)
  const { statements, problems } = await planArchiveTables(tx, tables)
  refuseProblems(problems)
  for (const statement of statements) await tx.execute(raw(statement))
  return statements
}

function refuseProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  throw new OperationError({
    code: 'archive-table-unusable',
    hint: 'Nothing was moved; mend this, then run it again',
    ...summed(problems, 'things stand in the way of the archive tables'),
  })
}

interface Existing {
  readonly kind: string
  readonly columns: readonly Column[]
  readonly owned: boolean
  readonly mayInsert: boolean
}

const keyOf = ({ schema, name }: ArchiveName) => JSON.stringify([schema, name])

async function existing(tx: Queryable, tables: readonly Table[]): Promise<Map<string, Existing>> {
  const names = tables.map(archiveOf)
  const relations = await tx.rows<{ oid: number; owned: boolean; mayInsert: boolean }>(sql`
    SELECT c.oid,
           pg_has_role(c.relowner, 'USAGE') AS owned,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') AS "mayInsert"
    FROM unnest(
      ${names.map(({ schema }) => schema)}::text[],
      ${names.map(({ name }) => name)}::text[]
    ) AS wanted (schema, name)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name`)
  const read = await readTables(
    tx,
    relations.map(({ oid }) => oid),
  )
  return new Map(
    relations.flatMap(({ oid, owned, mayInsert }) => {
      const table = read.get(oid)
      return table ? [[keyOf(table), { kind: table.kind, columns: table.columns, owned, mayInsert }] as const] : []
    }),
  )
}

async function schemaStatements(tx: Queryable, schema: string, problems: Problem[]): Promise<string[]> {
  const { there, allowed } = await tx.one<{ there: boolean; allowed: boolean }>(sql`
    SELECT n.oid IS NOT NULL AS there,
           CASE
             WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
             ELSE has_schema_privilege(n.oid, 'CREATE')
           END AS allowed
    FROM (SELECT ${schema}::name AS name) AS wanted
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.name`)
  if (!allowed) {
    problems.push({
      where: schema,
      reason: there
        ? 'needs the privilege CREATE for the archive tables that are missing'
        : 'is missing, and making it needs the privilege CREATE on the database',
    })
  }
  return there ? [] : [sql`CREATE SCHEMA ${identifier(schema)}`.text]
}

function definition({ name, type }: Column) {
  return sql`${identifier(name)} ${raw(type)}`
}

function creation(table: Table, archive: ArchiveName): string[] {
  const name = identifier(archive.schema, archive.name)
  const columns = [...table.columns.map(definition), sql`${identifier(BATCH_COLUMN)} bigint NOT NULL`]
  return [
    sql`CREATE TABLE ${name} (${join(columns, ', ')})`.text,
    sql`CREATE INDEX ON ${name} (${identifier(BATCH_COLUMN)})`.text,
    ...(table.key.length === 0
      ? []
      : [sql`CREATE INDEX ON ${name} (${join(table.key.map((column) => identifier(column)))})`.text]),
  ]
}

/** Columns whose type is another than the archive's: what lies there could not be brought back as it was. */
function differences(table: Table, archive: Existing, name: string): Problem[] {
  if (!archive.columns.some((column) => column.name === BATCH_COLUMN)) {
    return [{ where: name, reason: `is in the place of the archive table, and has no column ${BATCH_COLUMN}` }]
  }
  return table.columns.flatMap((column) => {
    const there = archive.columns.find((one) => one.name === column.name)
    if (there === undefined || there.type === column.type) return []
    const [, type = column.type, collate = ''] = /^(.*?)( COLLATE .*)?$/.exec(column.type) ?? []
    const at = sql`ALTER TABLE ${raw(name)} ALTER COLUMN ${identifier(column.name)}`.text
    return [
      {
        where: `${name}.${column.name}`,
        reason: `is ${there.type}, and ${table.schema}.${table.name} has ${column.type} now: ${at} TYPE ${type}${collate}`,
      },
    ]
  })
}
