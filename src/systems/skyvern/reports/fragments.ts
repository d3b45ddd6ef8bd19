/** What several Skyvern reports share. */
import { oneOrAll } from '../../../model/figures.ts'
import type { Parameter } from '../../../model/report.ts'

export const { parameter: organizationParameter, only: ofOrganization } = oneOrAll(
  'organization_id',
  { entity: 'organization', label: 'organization_name', metavar: 'organization-id' },
  'text',
)

export const workflowParameter: Parameter = {
  summary: 'workflow (one version) to report on',
  names: { entity: 'workflow', label: 'title' },
  kind: 'text',
  required: true,
  positional: true,
  metavar: 'workflow-id',
}
