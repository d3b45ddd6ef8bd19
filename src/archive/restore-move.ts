/**
 * One statement that puts archived rows back and takes them out of the archive, and the proof that they are the same
 * afterwards: triggers, narrowed types and changed expressions may have made something else of them.
 */
import type { Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import { heldKeySql } from '../model/holds.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { digestSql } from './digest.ts'
import { BATCH_COLUMN } from './record.ts'
import { archiveOf, liveOf, type RestoreCatalog } from './restore-catalog.ts'
import { keyOf } from './restore-check.ts'
import { damaged, type Group } from './restore-groups.ts'
import type { RowSet } from './restore-rows.ts'

/** What left the archive, for the records. */
export interface Left {
  readonly table: string
  readonly batch: bigint
  readonly rows: bigint
  /** Of the columns that the batch recorded. */
  readonly digest: string
}

export interface Moved {
  /** Rows put back, by table. */
  readonly restored: ReadonlyMap<string, bigint>
  /** Rows that were there already, by table. */
  readonly there: ReadonlyMap<string, bigint>
  readonly left: readonly Left[]
  /** Where the restored rows lie now. */
  readonly placed: readonly Placed[]
  /** Columns that a trigger made something else of, as it is to. */
  readonly projected: readonly ProjectedColumn[]
}

/** A column that follows the rows of another table, and says what is there of them. */
export interface ProjectedColumn {
  readonly table: string
  readonly column: string
}

/** Restored rows of one group in one table or partition. */
export interface Placed {
  readonly group: Group
  readonly leaf: Sql
  readonly rows: readonly string[]
}

/** Thrown when what was put back differs; the transaction is rolled back, and tried once more to say why. */
export class Differs extends Error {}

interface Part {
  readonly group: Group
  /** Columns that triggers make of other rows. */
  readonly kept: readonly string[]
  readonly put: readonly string[]
  readonly there: readonly string[]
}

interface Line {
  readonly what: 'put' | 'gone' | 'there'
  readonly part: number
  readonly batch: bigint | null
  readonly leaf: string | null
  readonly rows: bigint
  readonly digest: string | null
  readonly places: string[] | null
  readonly columns: string[] | null
}

/**
 * Moves the rows of the groups. Everything is one statement, so that keys among the rows are checked when all are
 * there, whatever their order and however they refer to each other (PostgreSQL manual, 7.8.4).
 *
 * @param there rows that only leave the archive
 * @param explain compare column by column: slower, names what differs
 * @param projections columns by table that may differ: triggers make them of other rows, some of which may be elsewhere
 * @throws Differs, or RefusedError `restored-differs` when `explain` is set
 */
export async function move(
  tx: Transaction,
  catalog: RestoreCatalog,
  groups: readonly Group[],
  there: RowSet,
  explain: boolean,
  projections: Readonly<Record<string, readonly string[]>>,
): Promise<Moved> {
  const parts = groups.map(
    (group): Part => ({
      group,
      kept: Object.hasOwn(projections, group.table.table) ? (projections[group.table.table] ?? []) : [],
      put: group.rows.filter((row) => !there.has(group.table.table, row)),
      there: group.rows.filter((row) => there.has(group.table.table, row)),
    }),
  )
  const lines = await tx.rows<Line>(statement(catalog, parts, explain))
  // Deferred constraints and their triggers have their say before the rows are looked at.
  await tx.execute(sql`SET CONSTRAINTS ALL IMMEDIATE`)
  const restored = new Map<string, bigint>()
  const found = new Map<string, bigint>()
  const placed: Placed[] = []
  const projected: ProjectedColumn[] = []
  const leaves = await leafNames(tx, lines)
  for (const [index, part] of parts.entries()) {
    const of = (what: Line['what']) => lines.filter((line) => line.what === what && line.part === index)
    const sum = (what: Line['what']) => of(what).reduce((total, { rows }) => total + rows, 0n)
    const { table } = part.group.table
    const gone = sum('gone')
    if (gone !== BigInt(part.put.length) || sum('there') !== BigInt(part.there.length)) {
      throw damaged(catalog.schema, table, part.group.batches[0] ?? 0n)
    }
    if (sum('put') !== gone) throw differs(catalog, part.group, explain, ['the table did not take every row'])
    const put = part.kept.length === 0 ? of('put') : await placesNow(tx, catalog, part, of('put'))
    const here = put.map(
      ({ leaf, places }): Placed => ({
        group: part.group,
        leaf: leaves.get(leaf ?? '') ?? liveOf(catalog, table),
        rows: places ?? [],
      }),
    )
    for (const column of await compare(tx, catalog, part, of('gone'), here, explain)) {
      if (!projected.some((one) => one.table === table && one.column === column)) projected.push({ table, column })
    }
    placed.push(...here)
    restored.set(table, (restored.get(table) ?? 0n) + gone)
    found.set(table, (found.get(table) ?? 0n) + sum('there'))
  }
  return { restored, there: found, left: leftIn(parts, lines), placed, projected }
}

function statement(catalog: RestoreCatalog, parts: readonly Part[], explain: boolean): Sql {
  const expressions: Sql[] = []
  const results: Sql[] = []
  for (const [index, { group, kept, put, there }] of parts.entries()) {
    const key = kept.length === 0 ? [] : keyOf(group.table)
    const archive = archiveOf(catalog, group.table.table)
    const take = (name: string, rows: readonly string[]) => sql`
      ${identifier(name)} AS (
        DELETE FROM ${archive} AS a
        WHERE a.ctid = ANY (${[...rows]}::tid[])
        RETURNING a.*
      )`
    const count = (what: 'gone' | 'there', name: string) => sql`
      SELECT
        ${what}::text AS what,
        ${index}::integer AS part,
        r.${identifier(BATCH_COLUMN)} AS batch,
        NULL::text AS leaf,
        count(*) AS rows,
        ${digestSql('r', group.columns)}::text AS digest,
        NULL::text[] AS places,
        ${explain || group.dropped.length > 0 ? columnDigests(group.shared, explain) : sql`NULL::text[]`} AS columns
      FROM ${identifier(name)} AS r
      GROUP BY r.${identifier(BATCH_COLUMN)}`
    if (put.length > 0) {
      const given = insertable(group)
      const columns = join(given.map((column) => identifier(column)))
      expressions.push(
        take(`gone_${index}`, put),
        sql`
      ${identifier(`put_${index}`)} AS (
        INSERT INTO ${liveOf(catalog, group.table.table)} AS l (${columns})
        OVERRIDING SYSTEM VALUE
        SELECT ${columns}
        FROM ${identifier(`gone_${index}`)}
        RETURNING l.tableoid, l.ctid, ${key.length === 0 ? raw('NULL::text') : sql`${heldKeySql({ key }, 'l')}::text`} AS key
      )`,
      )
      results.push(
        count('gone', `gone_${index}`),
        sql`
      SELECT 'put', ${index}::integer, NULL, p.tableoid::text, count(*), NULL, array_agg(p.ctid::text), array_agg(p.key)
      FROM ${identifier(`put_${index}`)} AS p
      GROUP BY p.tableoid`,
      )
    }
    if (there.length > 0) {
      expressions.push(take(`there_${index}`, there))
      results.push(count('there', `there_${index}`))
    }
  }
  return sql`
    WITH ${join(expressions, ',')}
    ${join(results, '\n      UNION ALL')}`
}

/**
 * Where rows lie by now that a trigger has changed: by their keys. As they lay when they were put where none is changed,
 * and where they have no key.
 */
async function placesNow(
  tx: Transaction,
  catalog: RestoreCatalog,
  { group: { table } }: Part,
  put: readonly Line[],
): Promise<readonly Pick<Line, 'leaf' | 'places'>[]> {
  const key = keyOf(table)
  const keys = put.flatMap(({ columns }) => columns ?? [])
  if (key.length === 0 || keys.length === 0) return put
  const same = key.map((column, index) => {
    const type = table.columns.get(column)?.type ?? 'text'
    return sql`${identifier('l', column)} = (k.key::jsonb ->> ${index}::integer)::${raw(type)}`
  })
  return tx.rows(sql`
    SELECT l.tableoid::text AS leaf, array_agg(l.ctid::text) AS places
    FROM unnest(${keys}::text[]) AS k (key)
    JOIN ${liveOf(catalog, table.table)} AS l ON ${join(same, ' AND ')}
    GROUP BY l.tableoid`)
}

/** All columns that are shared together, or each by itself. */
function columnDigests(shared: readonly string[], each: boolean): Sql {
  const digests = (each ? shared.map((column) => [column]) : [shared]).map((one) => sql`${digestSql('r', one)}::text`)
  return sql`ARRAY[${join(digests)}]`
}

/** Columns that take a value; generated ones are computed again. */
function insertable({ table, shared }: Group): string[] {
  return shared.filter((column) => table.columns.get(column)?.generated === null)
}

/**
 * The rows as they lie in their table now, against what was archived.
 *
 * @returns columns that differ and may: those that triggers keep
 */
async function compare(
  tx: Transaction,
  catalog: RestoreCatalog,
  { group, kept }: Part,
  gone: readonly Line[],
  here: readonly Placed[],
  explain: boolean,
): Promise<readonly string[]> {
  const wanted = sums(gone.map(({ digest, columns }) => columns ?? [digest ?? '0']))
  const kinds = explain ? columnDigests(group.shared, true) : columnDigests(group.shared, false)
  const found: string[][] = []
  let rows = 0n
  for (const { leaf, rows: places } of here) {
    const line = await tx.one<{ rows: bigint; digests: string[] }>(sql`
      SELECT count(*) AS rows, ${kinds} AS digests
      FROM ONLY ${leaf} AS r
      WHERE r.ctid = ANY (${[...places]}::tid[])`)
    rows += line.rows
    found.push(line.digests)
  }
  const got = sums(found)
  const expected = gone.reduce((total, line) => total + line.rows, 0n)
  if (rows !== expected) throw differs(catalog, group, explain, ['a trigger changed or removed rows again'])
  const different = wanted.flatMap((digest, index) => (digest === (got[index] ?? 0n) ? [] : [index]))
  if (different.length === 0) return []
  if (!explain) throw new Differs()
  const columns = different.map((index) => group.shared[index] ?? '')
  const changed = columns.filter((column) => !kept.includes(column))
  if (changed.length === 0) return columns
  throw differs(
    catalog,
    group,
    explain,
    changed.map((column) => whyDifferent(group, column)),
  )
}

function whyDifferent({ table }: Group, column: string): string {
  const now = table.columns.get(column)
  if (now?.generated) return `${column} is computed differently now`
  const before = table.archived.get(column)
  if (now !== undefined && before !== undefined && now.type !== before) {
    return `${column} is ${now.type} now, was ${before}, and does not hold every value as it was`
  }
  return `a trigger changed ${column}`
}

function differs(
  catalog: RestoreCatalog,
  group: Group,
  explain: boolean,
  reasons: readonly string[],
): Differs | RefusedError {
  if (!explain) return new Differs()
  const where = `${catalog.schema}.${group.table.table}`
  return new RefusedError({
    code: 'restored-differs',
    message: `Rows of ${where} would not be what they were: ${reasons.join('; ')}; nothing was restored`,
    hint: 'Mend the table or its trigger, then restore again; where a trigger makes the column of rows that wait, --with-parents brings what they wait for',
    problems: reasons.map((reason) => ({ where, reason })),
  })
}

function sums(digests: readonly (readonly string[])[]): bigint[] {
  const totals: bigint[] = []
  for (const line of digests) {
    for (const [index, digest] of line.entries()) totals[index] = (totals[index] ?? 0n) + BigInt(digest)
  }
  return totals
}

function leftIn(parts: readonly Part[], lines: readonly Line[]): Left[] {
  const left = new Map<string, { table: string; batch: bigint; rows: bigint; digest: bigint }>()
  for (const { what, part, batch, rows, digest } of lines) {
    const table = parts[part]?.group.table.table
    if (what === 'put' || table === undefined || batch === null) continue
    const before = left.get(`${batch} ${table}`) ?? { table, batch, rows: 0n, digest: 0n }
    left.set(`${batch} ${table}`, {
      ...before,
      rows: before.rows + rows,
      digest: before.digest + BigInt(digest ?? '0'),
    })
  }
  return [...left.values()].map((one) => ({ ...one, digest: one.digest.toString() }))
}

/** Names of the tables and partitions that rows went to, by OID. */
async function leafNames(tx: Transaction, lines: readonly Line[]): Promise<Map<string, Sql>> {
  const oids = [...new Set(lines.flatMap(({ leaf }) => (leaf === null ? [] : [leaf])))]
  const found = await tx.rows<{ oid: string; schema: string; name: string }>(sql`
    SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = ANY (${oids}::oid[])`)
  return new Map(found.map(({ oid, schema, name }) => [oid, identifier(schema, name)]))
}
