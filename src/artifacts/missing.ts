/** Rows whose files are not there. */

import { archiveSchemaOf } from '../config/config.ts'
import { RefusedError, throwIfStopped } from '../errors.ts'
import { allOf, identifier, raw, sql } from '../model/sql.ts'
import type { Holder, Holders } from './holders.ts'
import type { Missing, TableTotals } from './plan-lines.ts'
import { canonicalUri, placeOf } from './uri.ts'
import type { UriCounts } from './uri-counts.ts'
import { TOGETHER, type Verification } from './verify.ts'

/** Files that are looked at at a time. */
const AT_ONCE = 32
const CHECKPOINT_EVERY = 20

export interface Found {
  readonly tables: readonly (TableTotals & { readonly table: string })[]
  readonly missing: readonly Missing[]
}

/**
 * Walks the tables by their keys, live and archived ones.
 *
 * @param present files that have just been listed: only of the others is the store asked, one by one
 * @param shown rows that are returned; all are counted
 */
export async function findMissing(
  verification: Verification,
  { tables }: Holders,
  present: UriCounts,
  shown: number,
): Promise<Found> {
  const { about, resumed } = verification
  const schemas = new Set(about.flatMap(({ schema }) => [schema, archiveSchemaOf(schema)]))
  const missing: Missing[] = []
  const found: (TableTotals & { table: string })[] = []
  for (const holder of tables) {
    if (holder.kind === 'cold' || !schemas.has(holder.schema)) continue
    const before = resumed?.tables.get(holder.name)
    const totals =
      before?.after === null
        ? before.totals
        : await walkTable(verification, holder, before, present, (one) => {
            if (missing.length < shown) missing.push(one)
          })
    found.push({ table: holder.name, ...totals })
  }
  return { tables: found, missing }
}

interface Row {
  readonly id: string
  readonly uri: string
  readonly young: boolean
}

async function walkTable(
  verification: Verification,
  holder: Holder,
  before: { readonly after: string | null; readonly totals: TableTotals } | undefined,
  present: UriCounts,
  onMissing: (missing: Missing) => void,
): Promise<TableTotals> {
  const { db, minAgeMs, signal, onProgress, writer, batch = TOGETHER } = verification
  const { name, schema, table, uri, key, keyType, time } = holder
  const column = identifier('h', key)
  const young =
    time === undefined
      ? raw('FALSE')
      : sql`COALESCE(${identifier('h', time)} > now() - make_interval(secs => ${minAgeMs / 1000}::float8), FALSE)`
  const totals = { rows: 0, young: 0, missing: 0, unchecked: {}, ...before?.totals }
  const unchecked: Record<string, number> = { ...totals.unchecked }
  let after = before?.after ?? undefined
  for (let batches = 1; ; batches++) {
    const further = after === undefined ? [] : [sql`${column} > ${after}::${raw(keyType)}`]
    const rows = await db.rows<Row>(sql`
      SELECT ${column}::text AS id, ${identifier('h', uri)} AS uri, ${young} AS young
      FROM ${identifier(schema, table)} AS h
      WHERE ${allOf([sql`${identifier('h', uri)} IS NOT NULL`, ...further])}
      ORDER BY ${column}
      LIMIT ${batch}::bigint`)
    const old = rows.filter((row) => !row.young)
    totals.rows += rows.length
    totals.young += rows.length - old.length
    const gone = await withoutFile(verification, old, present, unchecked)
    for (const { id, uri: of } of await stillStanding(verification, holder, gone)) {
      const one: Missing = { kind: 'missing', table: name, id, uri: of }
      totals.missing += 1
      onMissing(one)
      await writer?.write(one)
    }
    after = rows.at(-1)?.id
    const done = rows.length < batch
    if (done || batches % CHECKPOINT_EVERY === 0) {
      const checkpoint = { ...totals, unchecked: { ...unchecked } }
      await writer?.write(
        { kind: 'checkpoint', table: name, after: done ? null : (after ?? null), totals: checkpoint },
        true,
      )
    }
    onProgress({ label: `look at the files of ${name}`, done: totals.rows, unit: 'rows' })
    if (done) return { ...totals, unchecked }
    throwIfStopped(signal)
  }
}

/** Those whose file is not there; what no store of the profile holds is counted and no more. */
async function withoutFile(
  { stores, listed }: Verification,
  rows: readonly Row[],
  present: UriCounts,
  unchecked: Record<string, number>,
): Promise<Row[]> {
  const gone: Row[] = []
  let next = 0
  const worker = async () => {
    for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
      const store = stores.holding(row.uri)
      if (store === undefined) {
        const place = placeOf(row.uri)
        unchecked[place] = (unchecked[place] ?? 0) + 1
      } else if (listed.includes(store) && present.count(canonicalUri(row.uri)) === 0) {
        try {
          if ((await store.stat(row.uri)) === undefined) gone.push(row)
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error
          // A link, or a folder: no file of the store.
          gone.push(row)
        }
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return gone
}

/** Rows that are there still and not marked: what is being deleted at this moment is no loss. */
function stillStanding({ db }: Verification, holder: Holder, rows: readonly Row[]): Promise<Row[]> {
  if (rows.length === 0) return Promise.resolve([])
  const { schema, table, key, keyType, uri } = holder
  return db.rows<Row>(sql`
    SELECT g.id, g.uri
    FROM unnest(${rows.map(({ id }) => id)}::text[], ${rows.map((row) => row.uri)}::text[]) AS g (id, uri)
    WHERE EXISTS (
        SELECT
        FROM ${identifier(schema, table)} AS h
        WHERE ${identifier('h', key)} = g.id::${raw(keyType)}
          AND ${identifier('h', uri)} = g.uri
      )
      AND NOT EXISTS (SELECT FROM steward.artifact_tombstones AS t WHERE t.uri = g.uri)
      AND g.uri NOT IN (SELECT unnest(b.uris) FROM steward.artifact_batches AS b)
    ORDER BY g.id`)
}
