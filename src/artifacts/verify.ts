/**
 * Reconciling stores and database: files that nobody stands for, and rows whose files are not there. Listings are
 * walked in order, asked about a thousand at a time, and written down with checkpoints, so that millions of files cost
 * time and no memory, and what was cut off goes on.
 */
import type { Database } from '../db/database.ts'
import { throwIfStopped } from '../errors.ts'
import type { OnProgress } from '../progress.ts'
import type { Store, StoredFile } from '../storage/store.ts'
import type { PlacedSystem } from './holders.ts'
import { findMissing } from './missing.ts'
import { COLD_FOLDER, type Owners, ownedAmong, ownersIn } from './owners.ts'
import type { PlanState, PlanWriter } from './plan-file.ts'
import type { Missing, Orphan, StoreTotals, TableTotals } from './plan-lines.ts'
import type { StoreSet } from './scope.ts'
import { UriCounts } from './uri-counts.ts'

/** Files, or rows, that are asked about at once. */
export const TOGETHER = 1_000
/** Such batches between two checkpoints. */
const CHECKPOINT_EVERY = 20
/** Files that are remembered as listed, in 16 bytes each at most; those beyond are asked for one by one. */
const MOST_LISTED = 4_000_000
/** Orphans and rows that are kept for the output; all of them are in the plan file. */
const SHOWN = 1_000

export interface Verification {
  readonly db: Database
  readonly stores: StoreSet
  /** Stores that are listed. */
  readonly listed: readonly Store[]
  /** Every system of the database: whose files are is asked of all of them. */
  readonly systems: readonly PlacedSystem[]
  /** Systems whose rows are looked at for missing files. */
  readonly about: readonly PlacedSystem[]
  readonly minAgeMs: number
  /** Time that ages count to. */
  readonly now: Date
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  readonly writer?: PlanWriter | undefined
  /** Files and rows that are asked about at once; 1,000 when absent. */
  readonly batch?: number
  /** What an earlier run has done. */
  readonly resumed?: PlanState | undefined
}

export interface Verified {
  readonly stores: readonly (StoreTotals & { readonly store: string })[]
  readonly tables: readonly (TableTotals & { readonly table: string })[]
  /** The first of them. */
  readonly orphans: readonly Orphan[]
  readonly missing: readonly Missing[]
  readonly suggestions: readonly string[]
}

/**
 * @throws OperationError, ConnectionError when a store cannot be listed; the reason of the signal. A plan file then has
 *   what was found up to its last checkpoint
 */
export async function verify(verification: Verification): Promise<Verified> {
  const { db, systems, listed, writer, resumed } = verification
  const owners = await ownersIn(db, systems)
  const orphans: Orphan[] = []
  const present = new UriCounts()
  const stores: (StoreTotals & { store: string })[] = []
  for (const store of listed) {
    const before = resumed?.stores.get(store.name)
    const totals =
      before?.after === null
        ? before.totals
        : await walk(verification, owners, store, before, present, (orphan) => {
            if (orphans.length < SHOWN) orphans.push(orphan)
          })
    stores.push({ store: store.name, ...totals })
  }
  const { tables, missing } = await findMissing(verification, owners.holders, present, SHOWN)
  await writer?.write({ kind: 'complete', ended: new Date().toISOString() }, true)
  return { stores, tables, orphans, missing, suggestions: owners.holders.suggestions }
}

async function walk(
  verification: Verification,
  owners: Owners,
  store: Store,
  before: { readonly after: string | null; readonly totals: StoreTotals } | undefined,
  present: UriCounts,
  onOrphan: (orphan: Orphan) => void,
): Promise<StoreTotals> {
  const { db, minAgeMs, now, signal, onProgress, writer, batch: together = TOGETHER } = verification
  const oldest = now.getTime() - minAgeMs
  const totals = { files: 0, bytes: 0, young: 0, orphans: 0, orphanBytes: 0, skipped: 0, ...before?.totals }
  let batch: StoredFile[] = []
  let batches = 0

  async function settle(after: string | null): Promise<void> {
    const owned = await ownedAmong(db, owners, batch)
    for (const { uri, path, bytes, modifiedAt } of batch) {
      if (owned.has(uri)) continue
      const orphan: Orphan = {
        kind: 'orphan',
        store: store.name,
        path,
        bytes,
        modifiedAt: modifiedAt.toISOString(),
      }
      totals.orphans += 1
      totals.orphanBytes += bytes
      onOrphan(orphan)
      await writer?.write(orphan)
    }
    batch = []
    if (after === null || ++batches % CHECKPOINT_EVERY === 0) {
      await writer?.write({ kind: 'checkpoint', store: store.name, after, totals: { ...totals } }, true)
    }
    onProgress({ label: `list ${store.name}`, done: totals.files, unit: 'files' })
    throwIfStopped(signal)
  }

  const listing = store.list('', before?.after ?? undefined, ({ why }) => {
    if (why !== 'temporary') totals.skipped += 1
  })
  for await (const file of listing) {
    totals.files += 1
    totals.bytes += file.bytes
    if (present.size < MOST_LISTED) present.add(file.uri)
    // Cold files have manifests, which archive verify reads.
    if (file.path.startsWith(COLD_FOLDER)) continue
    if (file.modifiedAt.getTime() > oldest) {
      totals.young += 1
      continue
    }
    batch.push(file)
    if (batch.length === together) await settle(file.path)
  }
  await settle(null)
  return totals
}
