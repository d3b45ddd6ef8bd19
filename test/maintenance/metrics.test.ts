/** The file for Prometheus, read by a parser of its own. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricsText, writeMetrics } from '../../src/maintenance/metrics.ts'
import { type Family, parseExposition } from '../support/exposition.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-metrics-'))
})
afterAll(() => rm(folder, { recursive: true }))

const endedAt = new Date('2026-11-22T10:00:00Z')

const text = () =>
  metricsText({
    profile: 'prod "one"\\\nline',
    database: 'app',
    endedAt,
    seconds: 12.5,
    exitCode: 7,
    jobs: [
      {
        job: 'skyvern/finished-tasks',
        kind: 'archive',
        summary: {
          job: 'skyvern/finished-tasks',
          succeeded_at: '2026-11-21T02:30:00.000000Z',
          succeeded_epoch: 1_795_228_200.5,
          started_epoch: 1_795_341_500,
          outcome: 'unfinished',
          seconds: 600,
          rows: 9_007_199_254_740_993n,
          bytes: 1024n,
          unreached: false,
          since_success: 100,
          removed_a_day: 1,
        },
        backlog: {
          rows: 1_000_000n,
          atLeast: true,
          oldest: new Date('2026-11-20T10:00:00Z'),
          bytes: null,
          arrivedInADay: null,
        },
      },
      { job: 'skyvern/old-artifacts', kind: 'delete-files' },
    ],
  })

test('says of each job what is known, with help and type, and nothing that is not', async () => {
  const families = parseExposition(await text())
  const of = (name: string): Family['samples'] => families.get(name)?.samples ?? []
  expect([...families.values()].every(({ help, type }) => help !== '' && type === 'gauge')).toBe(true)
  const run = { profile: 'prod "one"\\\nline', database: 'app' }
  const job = { ...run, job: 'skyvern/finished-tasks', kind: 'archive' }
  expect(of('steward_run_exit_code')).toEqual([{ labels: run, value: 7 }])
  expect(of('steward_run_end_timestamp_seconds')).toEqual([{ labels: run, value: endedAt.getTime() / 1000 }])
  expect(of('steward_job_last_success_timestamp_seconds')).toEqual([{ labels: job, value: 1_795_228_200.5 }])
  expect(of('steward_job_last_duration_seconds')).toEqual([{ labels: job, value: 600 }])
  expect(of('steward_job_last_bytes')).toEqual([{ labels: job, value: 1024 }])
  expect(of('steward_job_backlog_rows')).toEqual([{ labels: job, value: 1_000_000 }])
  expect(of('steward_job_oldest_eligible_age_seconds')).toEqual([{ labels: job, value: 2 * 86_400 }])
  const outcomes = of('steward_job_last_outcome').filter(({ value }) => value === 1)
  expect(outcomes).toEqual([{ labels: { ...job, outcome: 'unfinished' }, value: 1 }])
  expect(
    [...families.values()].flatMap(({ samples }) => samples).some(({ labels }) => /artifacts/.test(labels.job ?? '')),
  ).toBe(false)
})

test('is written whole, readable for all, and leaves no other file', async () => {
  const path = join(folder, 'steward.prom')
  const mask = process.umask(0o077)
  try {
    await writeMetrics(path, 'first 1\n')
    await writeMetrics(path, 'second 2\n')
  } finally {
    process.umask(mask)
  }
  expect(await readFile(path, 'utf8')).toBe('second 2\n')
  expect((await stat(path)).mode & 0o777).toBe(0o644)
  expect(await readdir(folder)).toEqual(['steward.prom'])
})

test('a file that cannot be written is named, and nothing is left beside it', async () => {
  await expect(writeMetrics(join(folder, 'nowhere', 'steward.prom'), '')).rejects.toMatchObject({
    code: 'metrics-not-written',
    message: `The metrics file ${join(folder, 'nowhere', 'steward.prom')} cannot be written (ENOENT)`,
  })
  // A folder stands where the file should be: the rename fails after the file was made.
  await expect(writeMetrics(folder, 'x 1\n')).rejects.toMatchObject({ code: 'metrics-not-written' })
  expect((await readdir(tmpdir())).filter((name) => name.startsWith(`${folder.split('/').at(-1)}.`))).toEqual([])
})
