/** A process of its own that makes the partitions of `shop.logs`, to be killed by the tests. */
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import { applyPartitions, planPartitions } from '../../src/maintenance/partitions.ts'

const endpoint: Endpoint = JSON.parse(process.argv[2] ?? '')
const db = await connect(endpoint, { applicationName: 'steward:child', statementTimeoutMs: 0, poolSize: 1 })
const plan = await planPartitions(db, [{ schema: 'shop', table: 'logs', field: 'at', ahead: 2 }])
await applyPartitions(db, plan, {
  label: 'child',
  onProgress: () => {},
  signal: new AbortController().signal,
  waits: { lockTimeoutMs: 1000, attempts: 1, pause: async () => {} },
  elapsed: () => performance.now(),
})
await db.close()
