/** Disks that are full, connections that end, timeouts, stores that fail: the exit code says it, and nothing is lost. */
import { execFile } from 'node:child_process'
import { chown, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectionUrl } from '../../src/server/url.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Fault, type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { countsOf, imageDifference, imageOf, tablesOf } from './support/image.ts'
import { openClient } from './support/placed-graph.ts'
import { type Home, openHome, type Ran, usual } from './support/program.ts'
import { expectNone } from './support/prove.ts'

const run = promisify(execFile)
const archive = ['archive', 'run', '--yes']
const exporting = ['archive', 'export', '--yes']
const restore = ['archive', 'restore', '--since', '2020-01-01', '--hold', '0', '--yes']

let database: TestDatabase
let client: Client
let home: Home
let image: Awaited<ReturnType<typeof imageOf>>
let counts: Record<string, number>
beforeAll(async () => {
  database = await createTestDatabase()
  client = await openClient(database.endpoint)
  home = await openHome(database.url)
  await home.must(['seed', 'run', 'skyvern', '--rows', '200', '--until', '2025-01-01'])
  image = await imageOf(client, 'skyvern')
  counts = await countsOf(client, 'skyvern')
})
afterAll(async () => {
  await home.remove()
  await client.end()
  await database.drop()
})

/** After a fault: rows are where they were or in the archive, and the next run puts everything back. */
async function nothingLost(): Promise<void> {
  expect(await countsOf(client, 'skyvern')).toEqual(counts)
}

async function back(): Promise<void> {
  await home.must(restore)
  expectNone(imageDifference(await imageOf(client, 'skyvern'), image))
}

/** Exit code and what was said; a bug in Steward is no way to end. */
function ends(ran: Ran, exitCodes: readonly number[], says: RegExp): void {
  expectNone(
    exitCodes.includes(ran.exitCode) && says.test(ran.stdout + ran.stderr)
      ? []
      : [`exit ${ran.exitCode}, expected ${exitCodes.join(' or ')} and ${says}`, ran.stdout, ran.stderr],
  )
}

/** A file system of so many bytes, where this process may mount one. */
async function smallDisk(folder: string, size: string): Promise<(() => Promise<void>) | undefined> {
  await mkdir(folder, { recursive: true })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  } catch {
    return undefined
  }
  return async () => void (await run('umount', ['-l', folder]))
}

describe('a full disk', () => {
  it('of the store, by a limit on files: the export fails, its rows stay, and the next one does it', async () => {
    await home.must(archive)
    const limited = await openHome(database.url, {
      command: ['bash', '-c', 'trap "" XFSZ; ulimit -f 4; exec "$@"', 'limited'],
    })
    try {
      await limited.configure(usual(home))
      ends(await limited.run(...exporting), [6, 7], /too large|EFBIG|space|disk/i)
      await nothingLost()
      await home.must(exporting)
      await home.must(['archive', 'verify', '--all'])
      await nothingLost()
      await back()
    } finally {
      await limited.remove()
    }
  })

  it('of the store, by a small file system: the same', async ({ skip }) => {
    await home.must(archive)
    const unmount = await smallDisk(join(home.folder, 'small'), '32k')
    try {
      if (unmount === undefined) return skip('no file system can be mounted here')
      await home.configure(usual({ ...home, cold: join(home.folder, 'small') }))
      ends(await home.run(...exporting), [6, 7], /space|ENOSPC|disk|full/i)
      await nothingLost()
    } finally {
      await unmount?.()
      await home.configure(usual(home))
    }
    await back()
  })

  it('of the server: the batch is rolled back, the rows before it stay moved', async ({ skip }) => {
    const folder = join(home.folder, 'space')
    const unmount = await smallDisk(folder, '700k')
    if (unmount === undefined) return skip('no file system can be mounted here')
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    const { uid, gid } = await stat(rows[0]?.data_directory ?? '')
    await chown(folder, uid, gid)
    const move = async (space: string) => {
      for (const table of await tablesOf(client, 'skyvern_archive')) {
        await client.query(`ALTER TABLE skyvern_archive.${table} SET TABLESPACE ${space}`)
      }
    }
    try {
      await home.must([...archive, '--limit', '2'])
      // What was restored has left its space behind.
      for (const table of await tablesOf(client, 'skyvern_archive')) {
        await client.query(`VACUUM FULL skyvern_archive.${table}`)
      }
      await client.query(`CREATE TABLESPACE proof_small LOCATION '${folder}'`)
      await move('proof_small')
      ends(await home.run(...archive), [6, 7], /disk|space/i)
      await nothingLost()
    } finally {
      await move('pg_default')
      await client.query('DROP TABLESPACE IF EXISTS proof_small')
      await unmount()
    }
    await home.must(archive)
    await nothingLost()
    await back()
  })
})

describe('the server', () => {
  it('cannot be reached: exit 3', async () => {
    const nowhere = await openHome(connectionUrl({ ...database.endpoint, host: '127.0.0.1', port: 9 }))
    try {
      ends(await nowhere.run(...archive), [3], /./)
    } finally {
      await nowhere.remove()
    }
  })

  it.each([20, 40, 60, 90])(
    'loses the connection at question %i: exit 3 or 6, and nothing is half done',
    async (at) => {
      const proxy = await cuttingProxy(database.endpoint)
      const cut = await openHome(connectionUrl(proxy.endpoint))
      try {
        proxy.cutAt({ at, when: at % 40 === 20 ? 'unheard' : 'unanswered' })
        const ran = await cut.run(...archive)
        expect(proxy.cut).toBe(true)
        // A question of the heartbeat or the records may be asked again.
        ends(ran, [0, 3, 6], /connection|archive|nothing/i)
        await client.query('UPDATE steward.leases SET expires_at = clock_timestamp() WHERE released_at IS NULL')
        await nothingLost()
        await home.must(archive)
        await nothingLost()
        await back()
      } finally {
        await cut.remove()
        await proxy.close()
      }
    },
  )

  it('ends statements that take too long: said, and nothing is half done', async () => {
    const hurried = await openHome(database.url, { env: { STEWARD_STATEMENT_TIMEOUT: '3ms' } })
    try {
      ends(await hurried.run(...archive), [0, 6, 7], /timeout|archive/i)
      await nothingLost()
      await home.must(archive)
      await back()
    } finally {
      await hurried.remove()
    }
  })

  it('has a table locked by somebody else: said, and nothing is half done', async () => {
    const other = await openClient(database.endpoint)
    try {
      await other.query('BEGIN; LOCK TABLE skyvern.actions IN ACCESS EXCLUSIVE MODE')
      ends(await home.run(...archive), [6, 7, 8], /lock/i)
      await other.query('ROLLBACK')
      await nothingLost()
      await home.must(archive)
      await back()
    } finally {
      await other.end()
    }
  })
})

describe('a store that', () => {
  let s3: S3Server
  let proxy: FaultyProxy
  let remote: Home
  beforeAll(async () => {
    s3 = await startS3({ buckets: ['cold'] })
    proxy = await faultyProxy(s3.endpoint)
    remote = await openHome(database.url, { env: s3.env })
    await remote.configure([
      '    stores:',
      `      cold: { url: "s3://cold/archive", endpoint: "${proxy.endpoint}", region: us-east-1, pathStyle: true }`,
      '    archive:',
      "      cold: { store: cold, after: '0 seconds', formats: [copy] }",
      '    maintenance: { batchTime: 100ms, lease: 2s }',
    ])
    await home.must(archive)
  })
  afterAll(async () => {
    await remote.remove()
    await proxy.close()
    await s3.stop()
  })

  const faults: readonly (readonly [what: string, fault: Fault, exitCodes: readonly number[]])[] = [
    ['forbids (403)', { status: 403, code: 'AccessDenied' }, [6, 7]],
    ['knows no bucket (404)', { status: 404, code: 'NoSuchBucket' }, [6, 7]],
    ['fails (500)', { status: 500, code: 'InternalError' }, [6, 7]],
    ['answers half and hangs up', { half: 'breaks' }, [6, 7]],
  ]
  it.each(faults)('%s: the export says so and keeps the rows', async (_, fault, exitCodes) => {
    // What was written and only answered by half was written: asked again, it is there.
    const writes = (method: string) => !('half' in fault) && (method === 'PUT' || method === 'POST')
    proxy.reset(({ method, operation }) => (writes(method) || operation === 'GetObject' ? fault : undefined))
    ends(await remote.run(...exporting), exitCodes, /./)
    await nothingLost()
    // Writing works again, reading back does not: no row may go.
    const { rows } = await client.query<{ rows: string }>('SELECT count(*) AS rows FROM skyvern_archive.tasks')
    proxy.reset(({ operation }) => (operation === 'GetObject' ? fault : undefined))
    ends(await remote.run(...exporting), exitCodes, /./)
    await nothingLost()
    const { rows: after } = await client.query<{ rows: string }>('SELECT count(*) AS rows FROM skyvern_archive.tasks')
    expect(after).toEqual(rows)
  })

  it('is slow is waited for; then everything comes back from it', async () => {
    proxy.reset((_, count) => (count % 5 === 0 ? { waits: 300 } : undefined))
    await remote.must(exporting)
    await nothingLost()
    proxy.reset()
    await remote.must(['archive', 'verify', '--all'])
    await remote.must(restore)
    expectNone(imageDifference(await imageOf(client, 'skyvern'), image))
  })
})
