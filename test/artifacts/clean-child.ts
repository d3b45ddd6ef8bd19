/** Cleans as a program of its own, which kills itself at one moment of one batch. */
import { cleanByPrefix } from '../../src/artifacts/clean-prefix.ts'
import { cleanRule, cleanTombstones } from '../../src/artifacts/clean-rows.ts'
import type { Boundary, Cleaning, StoreSet } from '../../src/artifacts/scope.ts'
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import { openStores } from '../../src/storage/open.ts'
import { asRun } from '../support/job-run.ts'
import { agensiumRules, both, oldArtifacts, placed, rules } from './fixture.ts'

export interface Orders {
  readonly endpoint: Endpoint
  readonly url: string
  readonly what: 'rows' | 'prefix'
  /** `half`: in the middle of the files of a batch. */
  readonly boundary: Boundary | 'half'
  /** Which time it comes by there. */
  readonly nth: number
}

const orders: Orders = JSON.parse(process.argv[2] ?? '')
const { endpoint, url, what, boundary, nth } = orders
let times = 0

function die(reached: Boundary | 'half'): void {
  if (reached === boundary && ++times === nth) process.kill(process.pid, 'SIGKILL')
}

const db = await connect(endpoint, { applicationName: 'steward:child', statementTimeoutMs: 0, poolSize: 4 })
await asRun({ db }, ['skyvern', 'agensium'], async (run) => {
  const cleaning: Cleaning = {
    db,
    run,
    stores: breakable(),
    systems: both,
    batch: { first: 3, least: 3, most: 3 },
    at: die,
  }
  if (what === 'prefix') {
    const [store] = cleaning.stores.all
    for (const rule of agensiumRules) if (store) await cleanByPrefix(cleaning, rule, { store, named: true })
    return
  }
  await cleanRule(cleaning, placed, oldArtifacts, rules)
  await cleanTombstones(cleaning, placed, rules)
})
await db.close()

/** The stores, which die between two files when told to. */
function breakable(): StoreSet {
  const { all, holding } = openStores([{ name: 'artifacts', url }])
  const broken = all.map((store) => ({
    name: store.name,
    url: store.url,
    contains: store.contains.bind(store),
    uriOf: store.uriOf.bind(store),
    pathOf: store.pathOf.bind(store),
    stat: store.stat.bind(store),
    read: store.read.bind(store),
    write: store.write.bind(store),
    list: store.list.bind(store),
    move: store.move.bind(store),
    close: store.close.bind(store),
    async remove(uris: readonly string[]) {
      const half = uris.length >> 1
      const first = await store.remove(uris.slice(0, half))
      die('half')
      return [...first, ...(await store.remove(uris.slice(half)))]
    },
  }))
  return { all: broken, holding: (uri) => broken.find(({ name }) => name === holding(uri)?.name) }
}
