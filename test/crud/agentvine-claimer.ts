/** What claims orders for AgentVine's tests, in this process or as a program of its own that is killed. */
import { realpathSync } from 'node:fs'
import type { Endpoint } from '../../src/config/config.ts'
import { claimRows } from '../../src/crud/claim.ts'
import type { Scope } from '../../src/crud/scope.ts'
import { lifecycleOf } from '../../src/crud/transition.ts'
import type { Actor } from '../../src/db/audit.ts'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { workOrder } from '../../src/systems/agentvine/entities/work-order.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'

export const orders: Scope = { system: agentvine, entity: workOrder, schema: 'agentvine' }
export const actor: Actor = { command: 'test', argv: ['test'], osUser: 'tester', host: 'test-host' }

/** A connection of its own, one session. */
export function connectClaimer(endpoint: Endpoint, applicationName = 'steward:claimer'): Promise<Database> {
  return connect(endpoint, { applicationName, statementTimeoutMs: 60_000, poolSize: 1 })
}

/** Claims some orders for a worker. @returns their ids */
export async function claim(db: Database, worker: string, limit: number): Promise<readonly string[]> {
  const declared = lifecycleOf(workOrder).transitions.find(({ verb }) => verb === 'claim')
  if (!declared) throw new RangeError('there is no claim')
  const { moved } = await claimRows(db, orders, declared, { worker }, { limit, filters: [], actor })
  return moved.map(({ after }) => String(after.id))
}

// As a program: host, port, user, database, password, worker. Its path may lead through a symbolic link.
if (import.meta.filename === realpathSync(process.argv[1] ?? '')) {
  const [host = '', port = '', user = '', database = '', password = '', worker = ''] = process.argv.slice(2)
  const secret = password === '' ? {} : { password }
  const endpoint = {
    host,
    port: Number(port),
    user,
    database,
    ...secret,
    sslMode: 'disable',
    connectTimeout: 5,
  } as const
  const db = await connectClaimer(endpoint, 'steward:child')
  await claim(db, worker, 20)
  await db.close()
}
