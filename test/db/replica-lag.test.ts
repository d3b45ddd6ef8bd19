/** Waiting for replicas, shown on a real primary with a real standby. */
import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import type { Database } from '../../src/db/database.ts'
import { replicaLag, standbyLag } from '../../src/db/pace-reasons.ts'
import { sql } from '../../src/model/sql.ts'
import { type EmbeddedServer, serverIn } from '../../src/server/embedded.ts'
import { until } from '../support/until.ts'

let homes: string
let primaryServer: EmbeddedServer
let standbyServer: EmbeddedServer
let primary: Database
let standby: Database

const small = { io_method: 'sync', max_connections: '20', shared_buffers: '16MB', autovacuum: 'off' }

beforeAll(async () => {
  homes = await mkdtemp(join(tmpdir(), 'steward-lag-'))
  // The user that runs the servers for root needs a way in.
  await chmod(homes, 0o755)
  const [one, two] = [join(homes, 'primary'), join(homes, 'standby')]
  const replicates = { ...small, wal_level: 'replica', max_wal_senders: '2', synchronous_commit: 'off' }
  primaryServer = serverIn(one, { durable: false, settings: replicates })
  await primaryServer.ensureRunning()
  await primaryServer.stop()
  await appendFile(join(primaryServer.paths.data, 'pg_hba.conf'), 'local replication all trust\n')
  // With their owner, which the functions of Node leave out.
  await promisify(execFile)('cp', ['-a', one, two])
  const endpoint = await primaryServer.ensureRunning()
  const { host, port, user } = endpoint
  standbyServer = serverIn(two, {
    durable: false,
    settings: {
      ...replicates,
      primary_conninfo: `host=${host} port=${port} user=${user} application_name=db2`,
      wal_receiver_status_interval: '1',
    },
  })
  await writeFile(join(standbyServer.paths.data, 'standby.signal'), '')
  const options = { applicationName: 'steward:test', statementTimeoutMs: 5000, poolSize: 2 }
  primary = await connect(endpoint, options)
  standby = await connect(await standbyServer.ensureRunning(), options)
  await primary.execute(sql`CREATE TABLE written (n integer)`)
}, 60_000)

afterAll(async () => {
  await Promise.all([primary?.close(), standby?.close()])
  await Promise.all([primaryServer?.stop(), standbyServer?.stop()])
  await rm(homes, { recursive: true, force: true })
})

const told: string[] = []
const seen = (limitSeconds: number) => standbyLag(primary, limitSeconds, (line) => told.push(line)).check()
const named = (limitSeconds: number, replica: () => Promise<Database> = async () => standby) =>
  replicaLag({
    primary,
    replica,
    name: 'db2.example.org',
    limitSeconds,
    signal: new AbortController().signal,
    tell: (line) => told.push(line),
  }).check()

const caughtUp = () =>
  until('the standby has caught up', async () => {
    const { lsn } = await primary.one<{ lsn: string }>(sql`SELECT pg_current_wal_lsn()::text AS lsn`)
    const { there } = await standby.one<{ there: boolean }>(
      sql`SELECT pg_last_wal_replay_lsn() >= ${lsn}::pg_lsn AS there`,
    )
    return there
  })

describe('a replica', () => {
  test('that has everything is not behind, however long the primary has been idle', async () => {
    await caughtUp()
    // The last transaction is over a second old by then, and the limit shorter than that.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect(await named(1)).toBeUndefined()
    expect(await seen(1)).toBeUndefined()
    // The first transaction after the pause: replayed in a moment, though the one before it is old.
    await primary.execute(sql`INSERT INTO written VALUES (1)`)
    expect(await named(1)).toBeUndefined()
  })

  test('that stands still is waited for, and no longer when it goes on', async () => {
    await standby.rows(sql`SELECT pg_wal_replay_pause()`)
    await primary.execute(sql`INSERT INTO written VALUES (2)`)
    await until('it is noticed by the primary', async () => (await seen(1)) !== undefined)
    expect(await seen(1)).toMatch(/^replica db2 is [1-9] s behind \(limit 1 s\)$/)
    expect(await seen(60)).toBeUndefined()
    expect(await named(1)).toMatch(/^replica db2.example.org is [1-9] s behind \(limit 1 s\)$/)
    await standby.rows(sql`SELECT pg_wal_replay_resume()`)
    await caughtUp()
    expect(await named(1)).toBeUndefined()
    await until('the primary has heard of it', async () => (await seen(1)) === undefined)
    expect(told).toEqual([])
  })

  test('that cannot be watched is no reason to wait, and is told once', async () => {
    const reason = replicaLag({
      primary,
      replica: async () => primary,
      name: 'db3',
      limitSeconds: 1,
      signal: new AbortController().signal,
      tell: (line) => told.push(line),
    })
    expect([await reason.check(), await reason.check()]).toEqual([undefined, undefined])
    expect(told.splice(0)).toEqual(['the replica db3 cannot be watched: it is no standby'])
    await primary.execute(sql`CREATE ROLE plain LOGIN PASSWORD 'plain'`)
    const role = await connect(
      { ...(await primaryServer.endpoint()), user: 'plain', password: 'plain' },
      { applicationName: 'steward:test', statementTimeoutMs: 5000, poolSize: 1 },
    )
    const unseen = standbyLag(role, 1, (line) => told.push(line))
    expect([await unseen.check(), await unseen.check()]).toEqual([undefined, undefined])
    expect(told).toEqual(['the lag of replicas cannot be seen by this role; GRANT pg_monitor lets it'])
    await role.close()
  })
})
