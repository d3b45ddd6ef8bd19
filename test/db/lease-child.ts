/**
 * A process of its own that works under a lease, to be raced, stopped and killed by the tests. Tells what happens in
 * lines of JSON; works until its standard input ends.
 */
import type { Endpoint } from '../../src/config/config.ts'
import { connect } from '../../src/db/connect.ts'
import { withLease } from '../../src/db/lease.ts'
import { StewardError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'

const [endpoint, names, leaseMs]: [Endpoint, string[], number] = JSON.parse(process.argv[2] ?? '')
const tell = (fact: object) => process.stdout.write(`${JSON.stringify({ pid: process.pid, ...fact })}\n`)
const asked = new Promise<void>((resolve) => process.stdin.once('end', resolve).resume())

const db = await connect(endpoint, { applicationName: 'steward:child', statementTimeoutMs: 10_000, poolSize: 2 })
const holder = { command: 'maintain run', osUser: 'ada', host: 'desk' }
try {
  const options = { leaseMs, signal: new AbortController().signal }
  await withLease(db, names, holder, options, async (lease, signal) => {
    const token = lease.token(names[0] ?? '')
    tell({ holds: token.toString() })
    let over = false
    void asked.then(() => {
      over = true
    })
    while (!over) {
      await db.transaction(async (tx) => {
        await lease.guard(tx)
        await tx.execute(sql`INSERT INTO written (name, token) VALUES (${names[0]}, ${token})`)
      })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    if (signal.aborted) throw signal.reason
  })
  tell({ done: true })
} catch (error) {
  if (!(error instanceof StewardError)) throw error
  tell({ code: error.code, message: error.message, details: error.details })
  process.exitCode = error.exitCode
} finally {
  await db.close()
  process.stdin.destroy()
}
