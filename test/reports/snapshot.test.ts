/** What a report stands on: one snapshot, the server's clock, no more rights than SELECT. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { type ExitCode, StewardError } from '../../src/errors.ts'
import { parseMoment } from '../../src/model/moment.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { type ReportRequest, runReport } from '../../src/reports/run.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { insert } from './fixture.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const { db } = database
  await insert(db, 'organizations', [{ organization_id: 'o_1', organization_name: 'One' }])
  await insert(db, 'tasks', [
    { task_id: 'tsk_1', organization_id: 'o_1', url: 'https://example.com', navigation_goal: 'Look' },
  ])
  await insert(db, 'workflows', [
    { workflow_id: 'w_1', organization_id: 'o_1', title: 'One', workflow_definition: {} },
  ])
})
afterAll(() => database?.drop())

function request(name: string, rest: Partial<ReportRequest> = {}): ReportRequest {
  const report = skyvern.reports.find((candidate) => candidate.name === name)
  if (!report) throw new Error(`no report ${name}`)
  return { system: skyvern, schema: 'skyvern', report, parameters: {}, ...rest }
}

const artifact = { organization_id: 'o_1', artifact_type: 'recording', uri: 'file:///a', file_size_bytes: 5 }

describe('one snapshot', () => {
  it('leaves out what is committed between two sections', async () => {
    const { db } = database
    let report: ReturnType<typeof runReport> | undefined
    // Tasks are read first, then workflows, which wait for this lock, then artifacts.
    await db.transaction(async (blocker) => {
      await blocker.execute(sql`LOCK TABLE skyvern.workflows IN ACCESS EXCLUSIVE MODE`)
      report = runReport(db, request('organization-usage'))
      await untilSomeoneWaits()
      await insert(db, 'artifacts', [{ artifact_id: 'a_1', ...artifact }])
    })
    expect((await report)?.rows).toMatchObject({ tasks: [{ total: 1n }], resources: [{ total_artifacts: 0n }] })
    const after = await runReport(db, request('organization-usage'))
    expect(after.rows.resources).toMatchObject([{ total_artifacts: 1n, storage_bytes: '5' }])
  })

  async function untilSomeoneWaits(): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const waiting = await database.db.rows(sql`
        SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
      `)
      if (waiting.length > 0) return
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    throw new Error('the report never came to the locked table')
  }
})

describe('the period', () => {
  const micros = (value: unknown) => Date.parse(String(value))

  it("ends now, on the server's clock, and is as long as the report says", async () => {
    const { now } = await database.db.one<{ now: string }>(sql`SELECT now()`)
    const { about } = await runReport(database.db, request('organization-usage'))
    expect(Math.abs(micros(about.until) - micros(now))).toBeLessThan(60_000)
    expect(micros(about.until) - micros(about.since)).toBe(30 * 86_400_000)
    const steps = await runReport(database.db, request('step-metrics', { until: parseMoment('1d') }))
    expect(micros(steps.about.until) - micros(steps.about.since)).toBe(7 * 86_400_000)
  })

  it('is as long back from a given end', async () => {
    const { about } = await runReport(
      database.db,
      request('organization-usage', { until: parseMoment('2026-03-31T12:00:00.000001Z') }),
    )
    expect(about).toMatchObject({ since: '2026-03-01T12:00:00.000001Z', until: '2026-03-31T12:00:00.000001Z' })
  })

  it('must not be empty, nor lie outside the calendar', async () => {
    const failing = async (since: string, until?: string): Promise<{ code: string; exitCode: ExitCode }> => {
      const asked = runReport(
        database.db,
        request('step-metrics', {
          since: parseMoment(since),
          ...(until === undefined ? {} : { until: parseMoment(until) }),
        }),
      )
      const error = await asked.catch((thrown: unknown) => thrown)
      return error instanceof StewardError ? error : Promise.reject(error)
    }
    expect(await failing('1d', '2d')).toMatchObject({ code: 'empty-window', exitCode: 2 })
    expect(await failing('2026-01-01', '2026-01-01')).toMatchObject({ code: 'empty-window' })
    expect(await failing('2999-01-01')).toMatchObject({ code: 'empty-window' })
    expect(await failing('0000-01-01')).toMatchObject({ code: 'time-out-of-range', exitCode: 2 })
  })
})

it('runs for a role that may only SELECT', async () => {
  const { db, endpoint } = database
  const role = `reader_${endpoint.database}`
  await db.execute(sql`CREATE ROLE ${identifier(role)} LOGIN`)
  await db.execute(sql`GRANT USAGE ON SCHEMA skyvern TO ${identifier(role)}`)
  await db.execute(sql`GRANT SELECT ON ALL TABLES IN SCHEMA skyvern TO ${identifier(role)}`)
  const reader = await connect(
    { ...endpoint, user: role },
    { applicationName: 'steward:test', readOnly: true, statementTimeoutMs: 60_000, poolSize: 1 },
  )
  try {
    for (const { name, parameters } of skyvern.reports) {
      const ids = { task_id: 'tsk_1', workflow_id: 'w_1', organization_id: 'o_1' }
      const given = Object.fromEntries(Object.entries(ids).filter(([key]) => key in parameters))
      const { rows } = await runReport(reader, request(name, { parameters: given }))
      expect(Object.keys(rows).length, name).toBeGreaterThan(0)
    }
  } finally {
    await reader.close()
    await db.execute(sql`DROP OWNED BY ${identifier(role)}`)
    await db.execute(sql`DROP ROLE ${identifier(role)}`)
  }
})

it('tells how far it is, section by section', async () => {
  const told: string[] = []
  await runReport(database.db, request('organization-usage'), ({ label, done, total }) => {
    told.push(`${label} ${done}/${total}`)
  })
  expect(told).toEqual(['reading Tasks 0/3', 'reading Workflows 1/3', 'reading Storage 2/3'])
})
