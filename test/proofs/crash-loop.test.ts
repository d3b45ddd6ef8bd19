/**
 * The built program killed with SIGKILL at random moments, some dozens of times, then left to finish: what is live, in
 * archive tables and in cold files is together what it was, and restored it is the same to the byte.
 */
import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/seeds/random.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { note } from './support/archiving.ts'
import { countsOf, imageDifference, imageOf } from './support/image.ts'
import { openClient } from './support/placed-graph.ts'
import { type Home, openHome, usual } from './support/program.ts'
import { cases, expectNone, SEED } from './support/prove.ts'
import { runningRuns } from './support/records.ts'

/** A database with rows of systems that are long over, and a home to work on it from. */
interface Place {
  readonly database: TestDatabase
  readonly client: Client
  readonly home: Home
}

/** Long ago: every age is passed. */
const UNTIL = '2025-01-01'

async function inPlace(
  systems: readonly string[],
  rows: number,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase()
  const client = await openClient(database.endpoint)
  const home = await openHome(database.url)
  try {
    for (const system of systems) {
      await home.must(['seed', 'run', system, '--rows', String(rows), '--until', UNTIL])
    }
    await work({ database, client, home })
  } finally {
    await client.end()
    await home.remove()
    await database.drop()
  }
}

/** What a killed run held is free at once, as it would be once its lease is over. */
async function passLeases({ client }: Place): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'steward:%'
       AND application_name <> 'steward:test'`,
    )
    if (rows.length === 0) break
    await sleep(5)
  }
  await client.query('UPDATE steward.leases SET expires_at = clock_timestamp() WHERE released_at IS NULL')
}

/**
 * Starts a command and kills it, again and again: at first soon, then later and later, as long as none comes to its end.
 *
 * @param ends exit codes that a run may end with of its own accord
 */
async function killTimes(
  place: Place,
  times: number,
  argv: readonly string[],
  random: Random,
  check: () => Promise<void>,
  ends: readonly number[] = [0],
): Promise<void> {
  let [longest, killed] = [500, 0]
  for (let time = 0; time < times; time++) {
    const { child, ended } = place.home.start(...argv)
    await Promise.race([sleep(random.between(150, Math.max(200, Math.round(longest)))), ended])
    child.kill('SIGKILL')
    const ran = await ended
    if (ran.signal === null) {
      longest = Math.min(longest, ran.milliseconds)
      expect({ argv, ...ran, known: ends.includes(ran.exitCode) }).toMatchObject({ known: true })
    } else {
      killed++
      longest *= 1.25
    }
    await passLeases(place)
    await check()
  }
  note(`${argv.join(' ')}: killed ${killed} of ${times}`)
  expect(killed).toBeGreaterThan(0)
}

describe.each(['skyvern', 'devflow', 'agentvine'])('%s', (system) => {
  it('archive, export and restore, killed again and again, lose nothing and change nothing', async () => {
    await inPlace([system], 400, async (place) => {
      const { client, home } = place
      const random = new Random(SEED, `crash ${system}`)
      const [image, counts] = [await imageOf(client, system), await countsOf(client, system)]
      const nothingLost = async () => expect(await countsOf(client, system)).toEqual(counts)
      const cold = async () => {
        const { rows } = await client.query<{ state: string; batches: string }>(
          'SELECT state, count(*) AS batches FROM steward.archive_batches GROUP BY 1 ORDER BY 1',
        )
        return Object.fromEntries(rows.map(({ state, batches }) => [state, Number(batches)]))
      }

      const archive = ['archive', 'run', '--yes']
      await killTimes(place, cases(8), archive, random, nothingLost)
      await home.must(archive)
      await nothingLost()
      const { rows } = await client.query<{ rows: string }>(
        'SELECT sum(rows) AS rows FROM steward.archive_batch_tables',
      )
      expect(Number(rows[0]?.rows)).toBeGreaterThan(100)
      await home.must(['archive', 'verify', '--all'])

      const exporting = ['archive', 'export', '--yes']
      await killTimes(place, cases(8), exporting, random, nothingLost)
      await home.must(exporting)
      await nothingLost()
      expect(Object.keys(await cold())).toEqual(['cold'])
      await home.must(['archive', 'verify', '--all'])

      const restore = ['archive', 'restore', '--since', '2020-01-01', '--hold', '0', '--yes']
      await killTimes(place, cases(8), restore, random, nothingLost)
      await home.must(restore)
      expect(Object.keys(await cold())).toEqual(['restored'])
      expectNone(imageDifference(await imageOf(client, system), image))
      await home.must(['archive', 'verify', '--all'])
      expect(await runningRuns(client)).toBe(0)
    })
  })
})

/** Rows of artifacts, and whether the files that they name are there. */
async function artifactsIn({ client }: Place): Promise<{ id: string; uri: string; there: boolean }[]> {
  const { rows } = await client.query<{ id: string; uri: string }>(
    'SELECT artifact_id AS id, uri FROM skyvern.artifacts ORDER BY 1',
  )
  return Promise.all(rows.map(async (row) => ({ ...row, there: await isThere(row.uri) })))
}

async function isThere(uri: string): Promise<boolean> {
  return access(fileURLToPath(uri)).then(
    () => true,
    () => false,
  )
}

it('artifacts clean, killed again and again: no live file is gone, and no file of a deleted row is left', async () => {
  await inPlace(['skyvern'], 300, async (place) => {
    const { client, home } = place
    const random = new Random(SEED, 'crash artifacts')
    // Every second artifact is young.
    await client.query(`
      UPDATE skyvern.artifacts SET created_at = now()
      WHERE mod(hashtext(artifact_id), 2) = 0`)
    const before = await artifactsIn(place)
    const { rows: due } = await client.query<{ id: string }>(
      `SELECT artifact_id AS id FROM skyvern.artifacts
       WHERE created_at < now() - interval '90 days'
         AND artifact_type IN ('screenshot_action', 'screenshot_step', 'browser_logs')`,
    )
    const mayGo = new Set(due.map(({ id }) => id))
    const kept = new Set(before.filter(({ id }) => !mayGo.has(id)).map(({ uri }) => uri))
    const liveFilesStay = async () => {
      for (const { uri, there } of before) {
        if (there && kept.has(uri)) expect({ uri, there: await isThere(uri) }).toEqual({ uri, there: true })
      }
    }
    const clean = ['artifacts', 'clean', '--yes']
    await killTimes(place, cases(15), clean, random, liveFilesStay, [0, 7])
    await home.must(clean)
    await liveFilesStay()
    const after = await artifactsIn(place)
    const left = new Set(after.map(({ uri }) => uri))
    for (const { uri, there } of before) {
      if (there) expect({ uri, there: await isThere(uri) }).toEqual({ uri, there: left.has(uri) })
    }
    expect(after.length).toBeLessThan(before.length)
    expect(before.filter(({ there }) => there).length).toBeGreaterThan(50)
    const { rows } = await client.query('SELECT uri FROM steward.artifact_tombstones')
    expect(rows).toEqual([])
    expect(await runningRuns(client)).toBe(0)
  })
})

it('maintain run on all systems, killed again and again, comes to its end with clean records', async () => {
  const systems = ['skyvern', 'autopr', 'agensium', 'agentvine', 'devflow']
  await inPlace(systems, 150, async (place) => {
    const { client, home } = place
    const random = new Random(SEED, 'crash maintain')
    await home.configure([...usual(home), '    retention:', '      agentvine: { old-chat: on }'])
    const run = ['maintain', 'run', '--yes']
    await killTimes(place, cases(15), run, random, async () => {}, [0, 7])
    await home.must(run)
    await home.must(['archive', 'verify', '--all'])
    const again = await home.must([...run, '--json'])
    note(again.stdout)
    const { rows } = await client.query<{ moved: string }>(
      `SELECT COALESCE(sum(rows), 0) AS moved FROM steward.job_runs
       WHERE run_id = (SELECT max(run_id) FROM steward.job_runs) AND job NOT LIKE '%/vacuum'`,
    )
    expect(Number(rows[0]?.moved)).toBe(0)
    expect(await runningRuns(client)).toBe(0)
    const { rows: open } = await client.query('SELECT job FROM steward.job_runs WHERE outcome IS NULL')
    expect(open).toEqual([])
  })
})
