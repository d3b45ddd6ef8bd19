/**
 * Checks the reports of a system over two sets of rows: a few that are easily counted wrong, and the demo data. What the
 * figures should be is computed apart, from rows that are read whole.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { System } from '../../src/model/system.ts'
import type { ReportResult } from '../../src/reports/run.ts'
import type { SeedDefinition } from '../../src/seeds/definition.ts'
import { seed, UNTIL } from '../seeds/support.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { ask, type ExpectedRows, expectSame, reportNamed } from './compare.ts'
import type { Period } from './raw.ts'

interface Figures<Raw> {
  readonly system: System
  /** Reads every row whole. */
  readonly read: (db: Database) => Promise<Raw>
  readonly hard: {
    readonly insert: (db: Database) => Promise<unknown>
    readonly periods: readonly Period[]
    /** What makes the rows worth it: were any of it missing, a report could be wrong unnoticed. */
    readonly has: (raw: Raw) => void
  }
  readonly demo: {
    readonly seeds: SeedDefinition
    readonly periods: readonly Period[]
    readonly has: (raw: Raw) => void
  }
  /** Declares the tests, once for each set of rows. */
  readonly tests: (subject: Subject<Raw>) => void
}

/** Where the demo data that the tests seed ends. */
export const DEMO_END = UNTIL.replace('Z', '.000000Z')

/** The period of the rows themselves; then everything, nothing, one instant, and one that ends with a midnight. */
export const periodsAround = (period: Period): readonly Period[] => [
  period,
  { since: '2026-01-01T00:00:00.000000Z', until: '2026-06-01T00:00:00.000000Z' },
  { since: '2020-02-28T00:00:00.000000Z', until: '2020-03-02T00:00:00.000000Z' },
  { since: period.since, until: '2026-03-28T22:30:00.000002Z' },
  { since: '2026-03-28T22:30:00.000000Z', until: '2026-03-29T00:00:00.000000Z' },
]

export function checkFigures<Raw>({ system, read, hard, demo, tests }: Figures<Raw>): void {
  describe('over rows that are easily counted wrong', () => {
    const subject = new Subject<Raw>(system, hard.periods)
    subject.fill(hard.insert, read, hard.has)
    tests(subject)
  })

  describe('over the demo data', () => {
    const subject = new Subject<Raw>(system, demo.periods)
    subject.fill((db) => seed(db, { schema: system.name }, demo.seeds), read, demo.has)
    tests(subject)
  })
}

type Parameters = Readonly<Record<string, string | number | undefined>>

/** Rows that reports are asked about: what the parameter takes, and what the report then says it is about. */
interface Named<Raw, Id> {
  readonly parameter: string
  /** Key of the name in `about`. */
  readonly label: string
  readonly rows: (raw: Raw) => readonly { readonly id: Id; readonly name: string }[]
}

/** A database whose rows are known, and the periods to ask about. */
class Subject<Raw> {
  readonly system: System
  readonly periods: readonly Period[]
  #filled: { readonly database: TestDatabase; readonly raw: Raw } | undefined

  constructor(system: System, periods: readonly Period[]) {
    this.system = system
    this.periods = periods
  }

  /** @throws Error outside a test */
  get rows(): { readonly database: TestDatabase; readonly raw: Raw } {
    if (this.#filled === undefined) throw new Error('the rows are only there while a test runs')
    return this.#filled
  }

  get db(): Database {
    return this.rows.database.db
  }

  get raw(): Raw {
    return this.rows.raw
  }

  fill(
    insert: (db: Database) => Promise<unknown>,
    read: (db: Database) => Promise<Raw>,
    has: (raw: Raw) => void,
  ): void {
    let database: TestDatabase
    beforeAll(async () => {
      database = await createTestDatabase()
      await insert(database.db)
      this.#filled = { database, raw: await read(database.db) }
    })
    afterAll(() => database?.drop())
    it('has the rows that matter', () => has(this.raw))
  }

  ask(name: string, parameters: Parameters, period?: Period): Promise<ReportResult> {
    return ask(this.db, this.system, name, parameters, period)
  }

  /** Asks, and compares every figure. */
  async same(name: string, parameters: Parameters, wanted: ExpectedRows, period?: Period): Promise<ReportResult> {
    const result = await this.ask(name, parameters, period)
    const of = `${Object.values(parameters)} ${period?.since ?? ''}`
    expectSame(reportNamed(this.system, name), result, wanted, of)
    return result
  }

  /** A test for each report: asked about every row and about all together, in every period. */
  ofEach<Id extends string | number>(
    { parameter, label, rows }: Named<Raw, Id>,
    reports: Readonly<Record<string, (raw: Raw, id: Id | undefined, period: Period) => ExpectedRows>>,
  ): void {
    it.each(Object.entries(reports))(`%s, by ${parameter} and of all together`, async (name, compute) => {
      for (const period of this.periods) {
        for (const row of [undefined, ...rows(this.raw)]) {
          const wanted = compute(this.raw, row?.id, period)
          const { about } = await this.same(name, { [parameter]: row?.id }, wanted, period)
          expect(about).toEqual({ [parameter]: row?.id ?? null, [label]: row?.name ?? null, ...period })
        }
      }
    })
  }

  /** A test that a report takes its row by name as well as by id, and says which it does not know. */
  takesNames<Id>(name: string, { parameter, label, rows }: Named<Raw, Id>): void {
    it(`${name} takes a name as well as an id, and says which it does not know`, async () => {
      const [row] = rows(this.raw)
      const { url } = this.rows.database
      const report = (subject: string) =>
        runCli([
          ...['--url', url, this.system.name, 'report', name, subject],
          ...['--since', '2026-01-01', '--until', '2026-10-01', '--json'],
        ])
      const byName = await report(row?.name ?? '')
      expect(byName).toMatchObject({ exitCode: 0, stderr: '' })
      expect(byName).toEqual(await report(String(row?.id)))
      expect(JSON.parse(byName.stdout).about).toMatchObject({ [parameter]: row?.id, [label]: row?.name })
      expect(await report('No such thing')).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining('No such thing'),
      })
    })
  }
}
