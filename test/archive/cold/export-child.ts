/** Exports one batch, and kills itself at a call of the store that the test names. Prints the result as JSON. */
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { exportBatches } from '../../../src/archive/cold/export.ts'
import { connect } from '../../../src/db/connect.ts'
import { openStores } from '../../../src/storage/open.ts'
import { asRun } from '../../support/job-run.ts'
import { watched } from './watched.ts'

const [endpoint = '', folder = '', batch = '', diesAt = ''] = process.argv.slice(2)
const db = await connect(JSON.parse(endpoint), {
  applicationName: 'steward:test',
  statementTimeoutMs: 60_000,
  poolSize: 4,
})
const stores = openStores([{ name: 'cold', url: pathToFileURL(folder).href }])
const store = watched(stores.named('cold'), async (_call, _uri, calls) => {
  if (calls === Number(diesAt)) process.kill(process.pid, 'SIGKILL')
})
const test = { db, endpoint: JSON.parse(endpoint), url: '', drop: () => db.close() }
const result = await asRun(test, ['shop'], (run) =>
  exportBatches(db, [BigInt(batch)], store, run, { formats: ['copy', 'parquet'], keepRows: false, filed: [] }),
)
await db.close()
process.stdout.write(JSON.stringify({ outcome: result.outcome, failures: result.failures }))
