/** A process of its own that seeds the database named in its arguments, to be killed by the tests. */
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import { connect } from '../../src/db/connect.ts'
import { inManyParts, seed } from './support.ts'

const [host = '', port = '', user = '', database = '', password = '', rows = '', parts = ''] = process.argv.slice(2)
const db = await connect(
  {
    host,
    port: Number(port),
    user,
    database,
    ...(password === '' ? {} : { password }),
    sslMode: 'disable',
    connectTimeout: 5,
  },
  { applicationName: 'steward:child', statementTimeoutMs: 0, poolSize: 1 },
)
await seed(db, { rows: Number(rows) }, parts === 'many' ? inManyParts : skyvernSeeds)
await db.close()
