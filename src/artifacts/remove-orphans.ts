/**
 * Moving orphans to the quarantine, from a plan file only: it must be whole, of this database and these stores, and young;
 * and it must not be about so much of a store that it looks like a mistake (a wrong database, a table that is gone).
 */
import type { Database } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { NotFoundError, RefusedError, StewardError } from '../errors.ts'
import { eachAtOnce, inBatches } from '../model/several.ts'
import { QUARANTINE, type Store } from '../storage/store.ts'
import type { PlacedSystem } from './holders.ts'
import { COLD_FOLDER, ownedAmong, ownersIn } from './owners.ts'
import { identityOf, orphansOf, type PlanState, readPlan, sameDatabase } from './plan-file.ts'
import type { Orphan, StoreTotals } from './plan-lines.ts'
import { FILES_AT_ONCE, type Moves, MoveTally, quarantinePath, TOGETHER } from './quarantine.ts'

/** Milliseconds that a plan is good for. */
export const PLAN_LASTS = 7 * 86_400_000

export interface RemovalPlan {
  readonly path: string
  readonly started: string
  readonly stores: readonly (StoreTotals & { readonly store: string; readonly share: number })[]
  readonly files: number
  readonly bytes: number
}

/**
 * Reads and checks a plan.
 *
 * @param maxShare percent of all bytes of a store that its orphans may be
 * @throws RefusedError (exit 5) naming everything that is wrong with it
 */
export async function checkRemoval(
  db: Database,
  stores: readonly Store[],
  path: string,
  { maxShare, now }: { readonly maxShare: number; readonly now: Date },
): Promise<RemovalPlan> {
  const plan = await readPlan(path)
  const here = await identityOf(db)
  const found = plan.header.stores.map(({ name }) => {
    const totals = plan.stores.get(name)?.totals
    return totals && { store: name, ...totals, share: shareOf(totals) }
  })
  const counted = found.filter((one) => one !== undefined)
  const problems = [
    ...(plan.complete
      ? []
      : ['it is not whole: its listing was cut off (steward artifacts verify --plan FILE --resume)']),
    ...(sameDatabase(here, plan.header.database)
      ? []
      : [`it is of another database (${plan.header.database.name}, oid ${plan.header.database.oid})`]),
    ...ageProblems(plan, now),
    ...plan.header.stores.flatMap(({ name, url }) => {
      const store = stores.find((one) => one.name === name)
      if (store === undefined) return [`the profile has no store ${name}`]
      return store.url === url ? [] : [`store ${name} is another one than when it was made`]
    }),
    ...(addsUp(plan) ? [] : ['its files do not add up to its totals: it was changed']),
    ...counted
      .filter(({ share }) => share > maxShare)
      .map(
        ({ store, share }) =>
          `${percent(share)} of store ${store} would go, more than ${percent(maxShare)} (--max-share); is it the right database?`,
      ),
  ]
  if (problems.length > 0) {
    throw new RefusedError({
      code: 'plan-refused',
      message: problems.length === 1 ? `The plan is refused: ${problems[0]}` : 'The plan is refused',
      hint: 'Look at what it lists; steward artifacts verify --plan FILE makes another',
      problems: problems.length === 1 ? [] : problems.map((reason) => ({ reason })),
    })
  }
  return {
    path,
    started: plan.header.started,
    stores: counted,
    files: counted.reduce((sum, { orphans }) => sum + orphans, 0),
    bytes: counted.reduce((sum, { orphanBytes }) => sum + orphanBytes, 0),
  }
}

/** The share is counted from the totals, and files are moved by the lines. */
function addsUp({ stores, orphans }: PlanState): boolean {
  const names = new Set([...stores.keys(), ...orphans.keys()])
  return [...names].every((name) => {
    const totals = stores.get(name)?.totals
    const lines = orphans.get(name)
    return (totals?.orphans ?? 0) === (lines?.files ?? 0) && (totals?.orphanBytes ?? 0) === (lines?.bytes ?? 0)
  })
}

function ageProblems({ header }: PlanState, now: Date): string[] {
  const age = now.getTime() - Date.parse(header.started)
  if (age > PLAN_LASTS) return [`it is older than ${PLAN_LASTS / 86_400_000} days`]
  return age < -86_400_000 ? ['it was made in the future'] : []
}

/** Percent of the bytes; of the files where they have no bytes. */
function shareOf({ files, bytes, orphans, orphanBytes }: StoreTotals): number {
  if (bytes > 0) return (100 * orphanBytes) / bytes
  return files === 0 ? 0 : (100 * orphans) / files
}

export function percent(share: number): string {
  return `${share.toFixed(share < 10 ? 1 : 0)} %`
}

/**
 * Moves the orphans of a checked plan. Each is asked again right before: still no row, the same size, the same time. Killed
 * anywhere, what was moved is in the quarantine; the same plan ends the rest.
 *
 * @param systems every system of the database
 * @param to name of the run in the quarantine
 */
export async function removeOrphans(
  run: JobRun,
  stores: readonly Store[],
  systems: readonly PlacedSystem[],
  { path, files }: RemovalPlan,
  to: string,
): Promise<Moves> {
  const tally = new MoveTally()
  const owners = await ownersIn(run.db, systems)
  const named = new Map(stores.map((store) => [store.name, store]))
  let done = 0
  for await (const batch of inBatches(orphansOf(path), TOGETHER)) {
    const stop = await run.pace.next()
    if (stop !== undefined) return tally.result(stop)
    const listed = batch.map((orphan) => {
      const store = named.get(orphan.store)
      // Checked with the plan; the file may have been changed since.
      if (store === undefined)
        throw new NotFoundError({ code: 'no-such-store', message: 'The plan names an unknown store' })
      if (isOwn(orphan.path)) throw new RefusedError(OWN)
      return { orphan, store, path: orphan.path, uri: store.uriOf(orphan.path) }
    })
    const owned = await ownedAmong(run.db, owners, listed)
    await eachAtOnce(listed, FILES_AT_ONCE, async ({ orphan, store, uri }) => {
      const same = owned.has(uri) ? 'changed' : await compare(store, uri, orphan, tally)
      if (same === 'changed') tally.passed += 1
      if (same !== 'same') return
      await tally.move(store, uri, store.uriOf(quarantinePath(to, orphan.path)), orphan.bytes, orphan.path)
    })
    done += batch.length
    run.onProgress({ label: 'move orphans to the quarantine', done, total: files, unit: 'files' })
  }
  return tally.result(undefined)
}

/** What `verify` never calls an orphan, however a plan came to name it. */
function isOwn(path: string): boolean {
  return path.startsWith(COLD_FOLDER) || path.startsWith(`${QUARANTINE}/`)
}

const OWN = {
  code: 'plan-refused',
  message: 'The plan names files of the archive or of the quarantine',
  hint: 'steward artifacts verify --plan FILE makes another',
} as const

async function compare(
  store: Store,
  uri: string,
  orphan: Orphan,
  tally: MoveTally,
): Promise<'same' | 'changed' | 'failed'> {
  try {
    const found = await store.stat(uri)
    const same =
      found !== undefined &&
      found.bytes === orphan.bytes &&
      found.modifiedAt.getTime() === Date.parse(orphan.modifiedAt)
    return same ? 'same' : 'changed'
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    tally.fail(store, orphan.path, error.message)
    return 'failed'
  }
}
