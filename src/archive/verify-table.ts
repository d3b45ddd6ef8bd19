/** Verifying one archive table, a range of batch numbers at a time. */
import { archiveSchemaOf } from '../config/config.ts'
import type { Database, Queryable } from '../db/database.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { BatchState } from './batches.ts'
import { digestSql, TEXT_SETTINGS } from './digest.ts'
import { BATCH_COLUMN } from './record.ts'
import type { Finding } from './verify.ts'

/** Rows that one statement reads, as far as the records know. */
const SLICE_ROWS = 500_000n
/** Batches that one statement names at most. */
const SLICE_BATCHES = 2000

/** What is recorded of a table of a batch, without what may be long. */
export interface RecordedRows {
  readonly batch: bigint
  readonly table: string
  readonly rows: bigint
  readonly state: BatchState
}

/** Records by batch number. @param batches all when absent */
export function recordedRows(
  db: Queryable,
  schema: string,
  batches: readonly bigint[] | undefined,
): Promise<RecordedRows[]> {
  return db.rows<RecordedRows>(sql`
    SELECT t.batch_id AS batch, t.table_name AS "table", t.rows, b.state
    FROM steward.archive_batch_tables AS t
    JOIN steward.archive_batches AS b USING (batch_id)
    WHERE b.schema_name = ${schema}
      AND ${batches === undefined ? raw('TRUE') : sql`b.batch_id = ANY (${[...batches]}::bigint[])`}
    ORDER BY t.batch_id`)
}

/** Some batches of one archive table. */
export interface Slice {
  readonly schema: string
  readonly table: string
  /** Of the archive table. */
  readonly columns: ReadonlySet<string>
  /** Primary key of the table itself; empty without one. */
  readonly key: readonly string[]
  readonly batches: readonly bigint[]
  /** Range of batch numbers, both ends included and open where null: then every row of it is looked at. */
  readonly range?: { readonly from: bigint | null; readonly to: bigint | null } | undefined
}

/** @param whole the ranges of the slices leave no row out, whatever batch it claims to be of */
export function slicesOf(table: {
  readonly schema: string
  readonly table: string
  readonly columns: ReadonlySet<string>
  readonly key: readonly string[]
  readonly recorded: readonly RecordedRows[]
  readonly whole: boolean
}): Slice[] {
  const { recorded, whole, ...place } = table
  const chunks: bigint[][] = [[]]
  let rows = 0n
  for (const one of recorded) {
    const last = chunks.at(-1) ?? []
    if (last.length > 0 && (rows + one.rows > SLICE_ROWS || last.length >= SLICE_BATCHES)) {
      chunks.push([one.batch])
      rows = one.rows
    } else {
      last.push(one.batch)
      rows += one.rows
    }
  }
  return chunks
    .filter((batches) => whole || batches.length > 0)
    .map((batches, index) => ({
      ...place,
      batches,
      ...(whole
        ? {
            range: {
              from: index === 0 ? null : (batches[0] ?? null),
              to: index === chunks.length - 1 ? null : (chunks[index + 1]?.[0] ?? 0n) - 1n,
            },
          }
        : {}),
    }))
}

interface Found {
  readonly batch: bigint
  readonly rows: bigint
  readonly digests: string[]
}

/** Compares the rows of a slice with their records, in one snapshot. */
export function verifySlice(
  db: Database,
  slice: Slice,
): Promise<{ readonly findings: readonly Finding[]; readonly rows: bigint }> {
  return db.transaction((tx) => verifyIn(tx, slice), {
    readOnly: true,
    isolation: 'repeatable read',
    statementTimeoutMs: 0,
    settings: TEXT_SETTINGS,
  })
}

async function verifyIn(tx: Queryable, slice: Slice): Promise<{ findings: Finding[]; rows: bigint }> {
  const { schema, table, columns: there } = slice
  // Read again, in the snapshot of the rows: batches come and go meanwhile.
  const recorded = new Map((await recordsIn(tx, slice)).map((one) => [one.batch, one]))
  // One digest for each list of columns; batches have one of them, old ones without the columns that came since.
  const lists = new Map<string, readonly string[]>()
  for (const { columns } of recorded.values()) {
    if (columns.every((name) => there.has(name))) lists.set(columns.join('\0'), columns)
  }
  const listOf = [...lists.keys()]
  const digests = [...lists.values()].map((columns, index) => {
    if (lists.size === 1) return sql`${digestSql('a', columns)}::text`
    const batches = [...recorded.values()]
      .filter((one) => one.columns.join('\0') === listOf[index])
      .map(({ batch }) => batch)
    const mine = sql`a.${raw(BATCH_COLUMN)} = ANY (${batches}::bigint[])`
    return sql`${digestSql('a', columns, mine)}::text`
  })
  const found = await tx.rows<Found>(sql`
    SELECT
      a.${raw(BATCH_COLUMN)} AS batch,
      count(*) AS rows,
      ARRAY[${digests.length === 0 ? raw('') : join(digests)}]::text[] AS digests
    FROM ${identifier(archiveSchemaOf(schema), table)} AS a
    WHERE ${inSlice(slice)}
    GROUP BY a.${raw(BATCH_COLUMN)}`)
  const findings: Finding[] = []
  const say = (batch: bigint, code: Finding['code'], finding: string) =>
    findings.push({ schema, table, batch, code, finding })
  const byBatch = new Map(found.map((one) => [one.batch, one]))
  for (const one of found) {
    const known = recorded.get(one.batch)
    const rows = countOf(one.rows)
    if (known === undefined) say(one.batch, 'unrecorded-rows', `${rows} that belong to no recorded batch`)
    else if (known.state === 'cold') say(one.batch, 'rows-of-cold-batch', `${rows} of a batch that lies in files`)
  }
  for (const { batch, rows, digest, columns, state } of recorded.values()) {
    if (state === 'cold') continue
    const lost = columns.filter((name) => !there.has(name))
    if (lost.length > 0) {
      const which = `${lost.length === 1 ? 'column' : 'columns'} ${lost.join(', ')}`
      if (rows > 0n) say(batch, 'column-missing', `${countOf(rows)} recorded, the archive table lost its ${which}`)
      continue
    }
    const actual = byBatch.get(batch)
    if ((actual?.rows ?? 0n) !== rows) {
      say(batch, 'rows-differ', `${countOf(actual?.rows ?? 0n)} instead of ${rows}`)
    } else if ((actual?.digests[listOf.indexOf(columns.join('\0'))] ?? '0') !== digest) {
      say(batch, 'digest-differs', `${countOf(rows)}, as many as were archived, but not the same`)
    }
  }
  findings.push(...(await liveToo(tx, slice)))
  return { findings, rows: found.reduce((sum, { rows }) => sum + rows, 0n) }
}

interface Recorded extends Omit<RecordedRows, 'table'> {
  readonly digest: string
  readonly columns: readonly string[]
}

function recordsIn(tx: Queryable, slice: Slice): Promise<Recorded[]> {
  return tx.rows<Recorded>(sql`
    SELECT a.batch_id AS batch, a.rows, a.digest, a.columns, b.state
    FROM steward.archive_batch_tables AS a
    JOIN steward.archive_batches AS b USING (batch_id)
    WHERE b.schema_name = ${slice.schema}
      AND a.table_name = ${slice.table}
      AND ${inSlice(slice, 'batch_id')}`)
}

/** Rows whose key is in the table itself as well. */
async function liveToo(tx: Queryable, slice: Slice): Promise<Finding[]> {
  const { schema, table, key, columns } = slice
  if (key.length === 0 || !key.every((name) => columns.has(name))) return []
  const same = allOf(key.map((name) => sql`${identifier('l', name)} = ${identifier('a', name)}`))
  const found = await tx.rows<{ batch: bigint; rows: bigint }>(sql`
    SELECT a.${raw(BATCH_COLUMN)} AS batch, count(*) AS rows
    FROM ${identifier(archiveSchemaOf(schema), table)} AS a
    WHERE ${inSlice(slice)}
      AND EXISTS (
        SELECT
        FROM ${identifier(schema, table)} AS l
        WHERE ${same}
      )
    GROUP BY a.${raw(BATCH_COLUMN)}
    ORDER BY a.${raw(BATCH_COLUMN)}`)
  return found.map(({ batch, rows }) => ({
    schema,
    table,
    batch,
    code: 'live-too',
    finding: `${countOf(rows)} of the same key as ${rows === 1n ? 'a row' : 'rows'} of the table itself`,
  }))
}

function inSlice({ range, batches }: Slice, column: string = BATCH_COLUMN): Sql {
  const batch = sql`a.${raw(column)}`
  if (range === undefined) return sql`${batch} = ANY (${[...batches]}::bigint[])`
  return allOf([
    ...(range.from === null ? [] : [sql`${batch} >= ${range.from}`]),
    ...(range.to === null ? [] : [sql`${batch} <= ${range.to}`]),
  ])
}

function countOf(rows: bigint): string {
  return `${rows} ${rows === 1n ? 'row' : 'rows'}`
}
