/** Finding rows in cold files: which of the cold batches has to be thawed for them. */
import { createGunzip } from 'node:zlib'
import type { Database, Queryable } from '../db/database.ts'
import { throwIfStopped } from '../errors.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import type { OnProgress } from '../progress.ts'
import type { Stores } from '../storage/open.ts'
import { fieldsOf, linesOf } from './cold/copy-text.ts'
import { coldHead, recordedTables } from './cold/head.ts'
import { besideManifest, openManifest } from './cold/verify.ts'
import { TEXT_SETTINGS } from './digest.ts'
import type { Root } from './restore-request.ts'

export interface ColdSearch {
  readonly schema: string
  readonly table: string
  readonly roots: readonly Root[]
}

export interface ColdFound {
  readonly batches: readonly bigint[]
  /** Roots that are in none of the files. */
  readonly missing: readonly Root[]
  /** Batches whose files could not be looked into, and why. */
  readonly unread: readonly { readonly batch: bigint; readonly reason: string }[]
}

/**
 * Reads the COPY files of the table in cold batches, the newest first, until every root was found in one.
 *
 * @throws OperationError, ConnectionError when a store cannot be read
 */
export async function findInColdFiles(
  db: Database,
  search: ColdSearch,
  stores: Stores,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: OnProgress },
): Promise<ColdFound> {
  const candidates = await db.rows<{ batch: bigint }>(sql`
    SELECT b.batch_id AS batch
    FROM steward.archive_batches AS b
    JOIN steward.archive_batch_tables AS t USING (batch_id)
    WHERE b.state = 'cold'
      AND b.schema_name = ${search.schema}
      AND t.table_name = ${search.table}
      AND t.rows > 0
    ORDER BY b.batch_id DESC`)
  const wanted = candidates.length === 0 ? [] : await canonical(db, search)
  const batches: bigint[] = []
  const unread: { batch: bigint; reason: string }[] = []
  const missing = new Set<Root>(search.roots)
  for (const [index, { batch }] of candidates.entries()) {
    if (missing.size === 0) break
    throwIfStopped(signal)
    onProgress({ label: 'looking into cold files', done: index, total: candidates.length, unit: 'files' })
    const looked = await rootsIn(db, search, wanted, batch, stores, signal)
    if (looked.reason !== undefined) unread.push({ batch, reason: looked.reason })
    if (looked.roots.length > 0) batches.push(batch)
    for (const root of looked.roots) missing.delete(root)
  }
  return { batches, missing: [...missing], unread }
}

/** One way of naming a root, its values as COPY writes them. */
interface Wanted {
  readonly root: Root
  readonly values: Readonly<Record<string, string>>
}

/** The texts that the server gives the values: `5` for `05` of an integer, lower case for a UUID. */
function canonical(db: Database, search: ColdSearch): Promise<Wanted[]> {
  return db.transaction((tx) => canonicalIn(tx, search), { readOnly: true, settings: TEXT_SETTINGS })
}

async function canonicalIn(db: Queryable, { schema, table, roots }: ColdSearch): Promise<Wanted[]> {
  const columns = await db.rows<{ name: string; type: string }>(sql`
    SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = to_regclass(${`${identifier(schema, table).text}`})
      AND a.attnum > 0
      AND NOT a.attisdropped`)
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const wanted: Wanted[] = []
  for (const root of roots) {
    for (const by of root.by) {
      const names = Object.keys(by)
      const texts = names.map(
        (name) =>
          sql`(${by[name]}::${raw((types.get(name) ?? 'text').replace(/^character( varying)?$/, 'text'))})::text`,
      )
      const { values } = await db.one<{ values: string[] }>(sql`SELECT ARRAY[${join(texts)}] AS values`)
      const latin = values.map((value) => Buffer.from(value, 'utf8').toString('latin1'))
      wanted.push({ root, values: Object.fromEntries(names.map((name, index) => [name, latin[index] ?? ''])) })
    }
  }
  return wanted
}

async function rootsIn(
  db: Queryable,
  { table: name }: ColdSearch,
  wanted: readonly Wanted[],
  batch: bigint,
  stores: Stores,
  signal: AbortSignal,
): Promise<{ readonly roots: readonly Root[]; readonly reason?: string }> {
  const head = await coldHead(db, batch)
  const store = head.coldUri === null ? undefined : stores.holding(head.coldUri)
  if (head.coldUri === null || store === undefined) return { roots: [], reason: 'no store of the profile holds it' }
  const read = await openManifest(store, head.coldUri, head, await recordedTables(db, batch))
  if ('finding' in read) return { roots: [], reason: read.finding.reason }
  const table = read.manifest.tables.find((one) => one.table === name)
  const file = table?.files.find(({ format }) => format === 'copy')
  if (table === undefined || file === undefined) return { roots: [], reason: 'it has no COPY file of the table' }
  const places = new Map(table.columns.map((column, index) => [column.name, index]))
  const found = new Set<Root>()
  // Its hashes are checked when it is thawed: here it only has to be found.
  const source = await store.read(besideManifest(store, head.coldUri, file.name))
  const text = source.pipe(createGunzip())
  source.on('error', (error) => text.destroy(error))
  try {
    for await (const lines of linesOf(text)) {
      throwIfStopped(signal)
      for (const line of lines) {
        const fields = fieldsOf(line, table.columns.length)
        for (const { root, values } of wanted) {
          const same = Object.entries(values).every(([column, value]) => fields[places.get(column) ?? -1] === value)
          if (same) found.add(root)
        }
      }
    }
  } finally {
    text.destroy()
    source.destroy()
  }
  return { roots: [...found] }
}
