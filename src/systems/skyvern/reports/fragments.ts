/** What several Skyvern reports share. */
import type { Parameter, ReportInput } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'

/** Length of an interval in seconds, as double precision (an average of EXTRACT alone would be numeric). */
export const seconds = (interval: Sql): Sql => sql`EXTRACT(EPOCH FROM ${interval})::double precision`

/** Share in percent, not rounded; 0 where there is nothing to share, as the source document has it. */
export const percent = (part: Sql, whole: Sql): Sql =>
  sql`COALESCE(100.0 * ${part} / NULLIF(${whole}, 0), 0)::double precision`

/** Rows whose creation lies in the window `[since, until)`. */
export const created = (column: Sql, { window }: ReportInput): Sql =>
  sql`${column} >= ${window.since}::timestamptz AND ${column} < ${window.until}::timestamptz`

/** `AND column = $n` for the organization, nothing when the report is about all of them. */
export function ofOrganization(column: Sql, { parameters }: ReportInput): Sql {
  const organization = parameters.organization_id
  return organization === undefined ? empty : sql`AND ${column} = ${organization}`
}

export const organizationParameter: Parameter = {
  summary: 'organization to report on; all of them when absent',
  names: { entity: 'organization', label: 'organization_name', absent: 'all organizations' },
  kind: 'text',
  positional: true,
  metavar: 'organization-id',
}

export const workflowParameter: Parameter = {
  summary: 'workflow (one version) to report on',
  names: { entity: 'workflow', label: 'title' },
  kind: 'text',
  required: true,
  positional: true,
  metavar: 'workflow-id',
}
