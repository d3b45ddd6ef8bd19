/** Runs a report of any system, and compares every figure of it with an independent computation. */
import { expect } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { Cells } from '../../src/model/column.ts'
import { parseMoment } from '../../src/model/moment.ts'
import type { Report } from '../../src/model/report.ts'
import type { System } from '../../src/model/system.ts'
import { type ReportResult, runReport } from '../../src/reports/run.ts'
import type { Period } from './raw.ts'

/** Averages may be added up in another order; anything else is exact. */
const TOLERANCE = 1e-9

/** Rows of each section, by its key. */
export type ExpectedRows = Readonly<Record<string, readonly Cells[]>>

export function reportNamed(system: System, name: string): Report {
  const report = system.reports.find((candidate) => candidate.name === name)
  if (!report) throw new Error(`no report ${name}`)
  return report
}

export async function ask(
  db: Database,
  system: System,
  name: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
  period?: Period,
): Promise<ReportResult> {
  return runReport(db, {
    system,
    schema: system.name,
    report: reportNamed(system, name),
    parameters,
    ...(period && { since: parseMoment(period.since), until: parseMoment(period.until) }),
  })
}

/** The recommendations begin with these texts, in this order. */
export function expectAdvice({ recommendations }: ReportResult, beginnings: readonly string[]): void {
  expect(recommendations?.map((advice, place) => advice.slice(0, beginnings[place]?.length))).toEqual(beginnings)
}

/** Every section, every row in order, every declared column and no other; floats within the tolerance. */
export function expectSame(report: Report, result: ReportResult, expected: ExpectedRows, of: string): void {
  const { sections } = report
  expect(result.recommendations === undefined, of).toBe(report.recommends === undefined)
  expect(sections.map(({ key }) => key).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const { key, columns } of sections) {
    const [found, wanted] = [result.rows[key] ?? [], expected[key] ?? []]
    expect(found.length, `rows of ${key}, ${of}`).toBe(wanted.length)
    for (const [place, row] of wanted.entries()) {
      const where = `${key}[${place}], ${of}`
      expect(Object.keys(found[place] ?? {}), where).toEqual(columns.map((column) => column.key))
      for (const column of columns) {
        const [value, should] = [found[place]?.[column.key], row[column.key]]
        if (column.kind === 'float' && typeof should === 'number' && typeof value === 'number') {
          expect(Math.abs(value - should), `${where}.${column.key}: ${value} for ${should}`).toBeLessThanOrEqual(
            TOLERANCE * Math.max(Math.abs(should), Number.MIN_VALUE),
          )
        } else if (value !== should) expect(value, `${where}.${column.key}`).toBe(should)
      }
    }
  }
}
