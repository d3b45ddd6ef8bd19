/** What several Skyvern reports share. */
import type { Parameter, ReportInput } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'

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
