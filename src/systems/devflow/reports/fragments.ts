/** What several DevFlow reports share. */
import type { Parameter, ReportInput } from '../../../model/report.ts'
import { empty, type Sql, sql } from '../../../model/sql.ts'

export const projectParameter: Parameter = {
  summary: 'project to report on, by id or name; all of them when absent',
  names: { entity: 'project', label: 'name', absent: 'all projects' },
  kind: 'text',
  positional: true,
  metavar: 'project',
}

/** `AND column = $n` for the project, nothing when the report is about all of them. */
export function ofProject(column: Sql, { parameters }: ReportInput): Sql {
  const project = parameters.project_id
  return project === undefined ? empty : sql`AND ${column} = ${project}::uuid`
}

/** Share in percent of those that came to a verdict; NULL where none did. */
export function rate(good: Sql, verdicts: Sql): Sql {
  return sql`(100.0 * ${good} / NULLIF(${verdicts}, 0))::double precision`
}
