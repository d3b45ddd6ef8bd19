/** The selection of a command line: any table of any schema, checked against the catalog. */
import type { Database } from '../db/database.ts'
import { mayBeHeld } from '../db/holds.ts'
import { type Problem, StewardError, wrongInput } from '../errors.ts'
import { unheldSql } from '../model/holds.ts'
import { nearest } from '../model/nearest.ts'
import { allOf, identifier, raw, sql } from '../model/sql.ts'
import type { Selection } from './selection.ts'

export interface TableRequest {
  /** Unquoted names. */
  readonly schema: string
  readonly table: string
  /** Column whose age counts: a date or timestamp. */
  readonly ageOf: string
  /** PostgreSQL interval. */
  readonly olderThan: string
  /** Only rows whose column has one of these values; all of them must hold. */
  readonly only: readonly { readonly column: string; readonly values: readonly string[] }[]
  /** Rows that refer go along, whatever their key says ON DELETE, but for SET NULL and SET DEFAULT. */
  readonly withChildren: boolean
  /** Name that batches are recorded under. */
  readonly name: string
  /** Settings of the transactions that move rows. */
  readonly settings: Readonly<Record<string, string>>
}

const HELP = 'steward archive run --help shows what it takes'

const AGES: readonly string[] = ['date', 'timestamp without time zone', 'timestamp with time zone']

/**
 * Checks every name against the catalog and every value against its column.
 *
 * @throws UsageError (exit 2) naming all that is wrong
 */
export async function selectionOfTable(db: Database, request: TableRequest): Promise<Selection> {
  const columns = await columnsOf(db, request)
  const age = columns.get(request.ageOf)
  const problems: Problem[] = []
  const known = [...columns.keys()]
  if (columns.size === 0) {
    const reason = `names ${request.schema}.${request.table}, which is not there, or has no columns`
    throw wrongInput([{ where: '--table', reason }], HELP)
  }
  if (age === undefined) problems.push({ where: '--age-of', reason: noColumn(request.ageOf, known) })
  else if (!AGES.includes(age)) {
    problems.push({
      where: '--age-of',
      reason: `names ${request.ageOf}, which is ${age}, neither a date nor a timestamp`,
    })
  }
  const interval = await whyNot(db, [request.olderThan], 'interval')
  if (interval) problems.push({ where: '--older-than', reason: 'is no age such as 90 days' })
  for (const { column, values } of request.only) {
    const type = columns.get(column)
    if (type === undefined) problems.push({ where: '--only', reason: noColumn(column, known) })
    else if (await whyNot(db, values, `${type}[]`)) {
      problems.push({ where: '--only', reason: `names ${column}, which is ${type}; one of the values is none` })
    }
  }
  if (problems.length > 0) throw wrongInput(problems, HELP)
  const { schema, table, ageOf, olderThan, only, withChildren, name, settings } = request
  const dueOrHeld = (alias: string) =>
    allOf([
      sql`${identifier(alias, ageOf)} < (now() - ${olderThan}::interval)`,
      ...only.map(
        ({ column, values }) =>
          sql`${identifier(alias, column)} = ANY (${[...values]}::${raw(columns.get(column) ?? 'text')}[])`,
      ),
    ])
  const held = { schema, table, key: await keyOf(db, request) }
  const mayBe = held.key.length > 0 && (await mayBeHeld(db))
  return {
    schema,
    table,
    rule: name,
    due: mayBe ? (alias) => allOf([dueOrHeld(alias), unheldSql(held, alias)]) : dueOrHeld,
    ...(mayBe ? { held: { table: held, dueOrHeld } } : {}),
    age: (alias) => identifier(alias, ageOf),
    ageColumns: [ageOf],
    valueColumns: only.map(({ column }) => column),
    follow: withChildren ? 'all' : 'cascade',
    detaches: [],
    keeps: 'archive',
    settings,
    files: [],
  }
}

/** Types of the columns by name, without modifiers: a cast to varchar(3) would cut the value that is looked for. */
async function columnsOf(
  db: Database,
  { schema, table }: Pick<TableRequest, 'schema' | 'table'>,
): Promise<Map<string, string>> {
  const rows = await db.transaction(
    (tx) =>
      tx.rows<{ name: string; type: string }>(sql`
        SELECT a.attname::text AS name, format_type(a.atttypid, -1) AS type
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = ${schema}
          AND c.relname = ${table}
          AND a.attnum > 0
          AND NOT a.attisdropped
        ORDER BY a.attnum`),
    { readOnly: true, settings: { search_path: '' } },
  )
  return new Map(rows.map(({ name, type }) => [name, type]))
}

/** Columns of the primary key, in its order; none where there is no key. */
async function keyOf(db: Database, { schema, table }: Pick<TableRequest, 'schema' | 'table'>): Promise<string[]> {
  const found = await db.rows<{ name: string }>(sql`
    SELECT a.attname::text AS name
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'p'
      AND n.nspname = ${schema}
      AND c.relname = ${table}
    ORDER BY array_position(k.conkey, a.attnum)`)
  return found.map(({ name }) => name)
}

/** True when the server does not take the values for what they should be. */
async function whyNot(db: Database, values: readonly string[], type: string): Promise<boolean> {
  const value = type.endsWith('[]') ? [...values] : (values[0] ?? '')
  try {
    await db.one(sql`SELECT ${value}::${raw(type)} IS NULL AS checked`)
    return false
  } catch (error) {
    if (error instanceof StewardError && error.code === 'invalid-value') return true
    throw error
  }
}

function noColumn(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return `names ${name}, which is no column${near === undefined ? '' : ` (did you mean ${near}?)`}`
}
