/**
 * Runs a report: its parameters are checked against the database, its period is resolved on the server's clock, and
 * all its sections are read in one snapshot, so that the figures agree with each other.
 */
import type { Database, Transaction } from '../db/database.ts'
import { NotFoundError, RefusedError, UsageError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { type Moment, momentSql } from '../model/moment.ts'
import type { Parameter, Report, ReportInput, SectionRows, Window } from '../model/report.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'

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
  /** What the figures are about: the parameters, what the rows they name are called, and the window if there is one. */
  readonly about: Cells
  readonly rows: SectionRows
  readonly recommendations?: readonly string[]
}

/**
 * @param onProgress told before each section
 * @throws NotFoundError when a parameter names a row that is not there
 * @throws UsageError when the window is empty or beyond the server's calendar
 */
export async function runReport(
  db: Database,
  request: ReportRequest,
  onProgress: OnProgress = ignoreProgress,
): Promise<ReportResult> {
  const { report, parameters } = request
  return db.transaction(
    async (transaction) => {
      const subjects = await readSubjects(transaction, request)
      const window = await resolveWindow(transaction, request)
      const input: ReportInput = { parameters, window, table: (name) => identifier(request.schema, name) }
      const rows: Record<string, readonly Cells[]> = {}
      for (const [done, section] of report.sections.entries()) {
        onProgress({ label: `reading ${section.title}`, done, total: report.sections.length, unit: 'steps' })
        rows[section.key] = await transaction.rows(section.sql(input))
      }
      const recommendations = report.recommends?.(rows)
      return {
        about: { ...subjects, ...(report.days === undefined ? {} : window) },
        rows,
        ...(recommendations === undefined ? {} : { recommendations }),
      }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/** The parameters with the labels of the rows they name; NULL where a parameter is absent. */
async function readSubjects(transaction: Transaction, request: ReportRequest): Promise<Cells> {
  const subjects: Record<string, unknown> = {}
  for (const [name, { names }] of Object.entries(request.report.parameters)) {
    const value = request.parameters[name]
    subjects[name] = value ?? null
    if (names === undefined) continue
    const label = value === undefined ? null : await readLabel(transaction, request, names, value)
    if (names.label !== undefined) subjects[names.label] = label
  }
  return subjects
}

/** @throws NotFoundError when there is no such row */
async function readLabel(
  transaction: Transaction,
  { system, schema }: ReportRequest,
  names: NonNullable<Parameter['names']>,
  id: string | number,
): Promise<unknown> {
  const entity = entityNamed(system, names.entity)
  if (entity === undefined) throw new RangeError(`${system.name} has no entity ${names.entity}`)
  const found = await transaction.maybeOne<{ label: unknown }>(sql`
    SELECT ${identifier(names.label ?? entity.primaryKey)} AS label
    FROM ${identifier(schema, entity.table)}
    WHERE ${identifier(entity.primaryKey)} = ${id}
  `)
  if (found) return found.label
  throw new NotFoundError({
    code: 'not-found',
    message: `There is no ${entity.name} ${id}`,
    hint: `steward ${system.name} ${entity.name} list shows those there are`,
  })
}

async function resolveWindow(transaction: Transaction, request: ReportRequest): Promise<Window> {
  const until: Sql = request.until === undefined ? sql`now()` : momentSql(request.until)
  const since: Sql =
    request.since === undefined
      ? sql`${until} - make_interval(days => ${request.report.days ?? 1}::integer)`
      : momentSql(request.since)
  const window = await transaction
    .one<Window & { ordered: boolean }>(
      sql`SELECT ${since} AS since, ${until} AS until, ${since} < ${until} AS ordered`,
    )
    .catch((error: unknown) => {
      // Nothing is read from a table here: what the server refuses are times outside its calendar.
      if (!(error instanceof RefusedError)) throw error
      throw new UsageError({
        code: 'time-out-of-range',
        message: '--since or --until lies outside the calendar of PostgreSQL',
        hint: 'Both accept a length of time ago (7d) or a time (2026-11-01)',
        cause: error,
      })
    })
  if (!window.ordered) {
    throw new UsageError({
      code: 'empty-window',
      message: 'The period is empty: --since does not lie before --until',
      hint: 'Both accept a length of time ago (7d) or a time (2026-11-01)',
    })
  }
  return { since: window.since, until: window.until }
}
