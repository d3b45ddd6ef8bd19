/**
 * Runs a report: its parameters are checked against the database, its period is resolved on the server's clock, and
 * all its sections are read in one snapshot, so that the figures agree with each other.
 */
import type { Database, Transaction } from '../db/database.ts'
import { NotFoundError, UsageError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { type Moment, momentSql } from '../model/moment.ts'
import type { Report, ReportInput, SectionRows, Window } from '../model/report.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'

export interface ReportRequest {
  readonly system: System
  readonly schema: string
  readonly report: Report
  /** By declared name; absent optional ones are undefined. */
  readonly parameters: ReportInput['parameters']
  /** Start of the window; the report's own number of days before `until` when absent. */
  readonly since?: Moment
  /** End of the window, not part of it; now when absent. */
  readonly until?: Moment
}

export interface ReportResult {
  /** Absent for a report without a period. */
  readonly window?: Window
  readonly rows: SectionRows
  readonly recommendations?: readonly string[]
}

/**
 * @throws NotFoundError when a parameter names a row that is not there
 * @throws UsageError when the window is empty
 */
export async function runReport(db: Database, request: ReportRequest): Promise<ReportResult> {
  return db.transaction(
    async (transaction) => {
      await requireRows(transaction, request)
      const window = await resolveWindow(transaction, request)
      const input: ReportInput = {
        parameters: request.parameters,
        window,
        table: (name) => identifier(request.schema, name),
      }
      const rows: Record<string, readonly Cells[]> = {}
      for (const section of request.report.sections) {
        rows[section.key] = await transaction.rows(section.sql(input))
      }
      const recommendations = request.report.recommends?.(rows)
      return {
        rows,
        ...(request.report.days === undefined ? {} : { window }),
        ...(recommendations === undefined ? {} : { recommendations }),
      }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

async function requireRows(transaction: Transaction, { system, schema, report, parameters }: ReportRequest) {
  for (const [name, parameter] of Object.entries(report.parameters)) {
    const value = parameters[name]
    const entity = parameter.entity === undefined ? undefined : entityNamed(system, parameter.entity)
    if (entity === undefined || value === undefined) continue
    const found = await transaction.maybeOne(sql`
      SELECT 1
      FROM ${identifier(schema, entity.table)}
      WHERE ${identifier(entity.primaryKey)} = ${value}
    `)
    if (!found) {
      throw new NotFoundError({
        code: 'not-found',
        message: `There is no ${entity.name} ${value}`,
        hint: `steward ${system.name} ${entity.name} list shows what there is`,
      })
    }
  }
}

async function resolveWindow(transaction: Transaction, request: ReportRequest): Promise<Window> {
  const until: Sql = request.until === undefined ? sql`now()` : momentSql(request.until)
  const since: Sql =
    request.since === undefined
      ? sql`${until} - make_interval(days => ${request.report.days ?? 1}::integer)`
      : momentSql(request.since)
  const window = await transaction.one<Window & { ordered: boolean }>(
    sql`SELECT ${since} AS since, ${until} AS until, ${since} < ${until} AS ordered`,
  )
  if (!window.ordered) {
    throw new UsageError({
      code: 'empty-window',
      message: 'The period is empty: --since does not lie before --until',
      hint: 'Both accept a length of time ago (7d) or a time (2026-11-01)',
    })
  }
  return { since: window.since, until: window.until }
}
