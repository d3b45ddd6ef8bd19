/** A process of its own that applies the fixture migrations named in its arguments, to be killed by the tests. */
import { connect } from '../../src/db/connect.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { slowToys } from './fixtures.ts'

const [host = '', port = '', user = '', databaseName = '', password = ''] = process.argv.slice(2)
const db = await connect(
  {
    host,
    port: Number(port),
    user,
    database: databaseName,
    ...(password === '' ? {} : { password }),
    sslMode: 'disable',
    connectTimeout: 5,
  },
  { applicationName: 'steward:child', statementTimeoutMs: 0, poolSize: 1 },
)
const { outcomes, failure } = await applyPending({ db, systems: [slowToys] })
process.stdout.write(`${JSON.stringify({ outcomes, failure: failure?.message })}\n`)
await db.close()
