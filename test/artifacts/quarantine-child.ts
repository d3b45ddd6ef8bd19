/** Reconciles, moves orphans or brings them back as a program of its own, which kills itself between two steps. */
import { identityOf, PlanWriter, readPlan, storesOf } from '../../src/artifacts/plan-file.ts'
import { bringBack } from '../../src/artifacts/quarantine.ts'
import { checkRemoval, removeOrphans } from '../../src/artifacts/remove-orphans.ts'
import { verify } from '../../src/artifacts/verify.ts'
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import { ignoreProgress } from '../../src/progress.ts'
import { openStores } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/store.ts'
import { asRun } from '../support/job-run.ts'
import { both } from './fixture.ts'

export interface Orders {
  readonly endpoint: Endpoint
  readonly url: string
  readonly what: 'verify' | 'remove' | 'undo'
  /** Plan file. */
  readonly plan: string
  /** Name of the run in the quarantine. */
  readonly run: string
  /** Dies before the step of this number: a file that is listed, or moved. Zero never. */
  readonly step: number
}

const orders: Orders = JSON.parse(process.argv[2] ?? '')
const { endpoint, url, what, plan, run: name, step } = orders
let steps = 0

function count(): void {
  if (++steps === step) process.kill(process.pid, 'SIGKILL')
}

const opened = openStores([{ name: 'artifacts', url }])
const all = opened.all.map(breakable)
const stores = { all, holding: (uri: string) => all.find((store) => store.contains(uri)) }
const db = await connect(endpoint, { applicationName: 'steward:child', statementTimeoutMs: 0, poolSize: 4 })
if (what === 'verify') await reconcile()
else {
  await asRun({ db }, ['skyvern', 'agensium'], async (run) => {
    if (what === 'undo') return bringBack(all, name, run)
    const removal = await checkRemoval(db, all, plan, { maxShare: 100, now: new Date() })
    return removeOrphans(run, all, both, removal, name)
  })
}
await db.close()

async function reconcile(): Promise<void> {
  const resumed = await readPlan(plan).catch(() => undefined)
  const header = {
    kind: 'header',
    version: 1,
    database: await identityOf(db),
    stores: storesOf(all),
    systems: [],
    minAgeMs: 0,
    started: new Date().toISOString(),
  } as const
  const writer = resumed ? await PlanWriter.resume(plan, resumed.end) : await PlanWriter.create(plan, header)
  await verify({
    db,
    stores,
    listed: all,
    systems: both,
    about: both,
    minAgeMs: 0,
    now: resumed ? new Date(resumed.header.started) : new Date(),
    signal: new AbortController().signal,
    onProgress: ignoreProgress,
    writer,
    batch: 1,
    resumed,
  })
  await writer.close()
}

/** The store, which dies before a file that it lists or moves. */
function breakable(store: Store): Store {
  return {
    name: store.name,
    url: store.url,
    contains: store.contains.bind(store),
    uriOf: store.uriOf.bind(store),
    pathOf: store.pathOf.bind(store),
    stat: store.stat.bind(store),
    read: store.read.bind(store),
    write: store.write.bind(store),
    remove: store.remove.bind(store),
    close: store.close.bind(store),
    async *list(...asked) {
      for await (const file of store.list(...asked)) {
        if (what === 'verify') count()
        yield file
      }
    },
    move(from, to) {
      count()
      return store.move(from, to)
    },
  }
}
