/**
 * How many requests it takes to delete objects of an S3 bucket: DeleteObjects takes 1,000 keys.
 * BENCH_S3_OBJECTS is how many objects (default 10,000; the budget is for 10,000 of them).
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import process from 'node:process'
import { bundled } from '../harness.js'

/** No database is needed. */
export const own = true

const OBJECTS = Number(process.env.BENCH_S3_OBJECTS ?? 10_000)

export async function measure() {
  // Below node_modules, so that the server finds its package.
  const cache = new URL('../../node_modules/.cache/', import.meta.url).pathname
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(`${cache}steward-bench-`)
  const { faultyProxy, openStores, startS3 } = await bundled('s3-server.ts', folder)
  const s3 = await startS3({ buckets: ['bench'] })
  Object.assign(process.env, s3.env)
  const proxy = await faultyProxy(s3.endpoint)
  const stores = openStores([
    { name: 'bench', url: 's3://bench/files', endpoint: proxy.endpoint, region: 'us-east-1', pathStyle: true },
  ])
  try {
    const store = stores.named('bench')
    const paths = Array.from({ length: OBJECTS }, (_, n) => `${n % 100}/file ${n}.png`)
    await s3.seed(
      'bench',
      paths.map((path) => `files/${path}`),
      'content',
    )
    const removals = await store.remove(paths.map((path) => store.uriOf(path)))
    const requests = proxy.asked.length
    const gone = removals.filter(({ outcome }) => outcome === 'removed' || outcome === 'missing').length
    if (gone !== OBJECTS) throw new Error(`${OBJECTS - gone} objects are left`)
    for await (const { uri } of store.list('')) throw new Error(`${uri} is left`)
    return [
      {
        what: `requests to delete ${OBJECTS} objects, for 10,000`,
        value: (requests / OBJECTS) * 10_000,
        budget: { atMost: 10 },
      },
    ]
  } finally {
    await stores.close()
    await proxy.close()
    await s3.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
