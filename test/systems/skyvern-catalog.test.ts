/** What Skyvern's document says of its indexes; that the schema is as declared, `catalog.test.ts` holds. */
import { expect, it } from 'vitest'
import { describeDeclarations } from '../../src/schema/declared.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'

it('has every index that the document names, but for those that repeat a constraint', () => {
  const present = Object.values(describeDeclarations(skyvern, 'skyvern').tables).flatMap(({ indexes, uniques }) => [
    ...Object.keys(indexes),
    ...Object.keys(uniques),
  ])
  // ix_organizations_name repeats the name's unique constraint, ix_steps_order repeats ix_steps_task_order.
  const documented = `
    ix_organizations_domain ix_organizations_active
    ix_tasks_organization_id ix_tasks_status ix_tasks_created_at ix_tasks_created_by ix_tasks_status_org
    ix_steps_task_id ix_steps_status ix_steps_created_at
    ix_workflows_organization_id ix_workflows_permanent_id ix_workflows_active ix_workflows_created_by
    ix_workflow_runs_workflow_id ix_workflow_runs_organization_id ix_workflow_runs_status
    ix_workflow_runs_created_at
    ix_actions_step_id ix_actions_action_type ix_actions_created_at
    ix_artifacts_task_id ix_artifacts_step_id ix_artifacts_workflow_run_id ix_artifacts_organization_id
    ix_artifacts_artifact_type ix_artifacts_created_at
    ix_tasks_organization_status ix_tasks_created_at_desc ix_tasks_status_completed_at
    ix_steps_task_order ix_steps_status_task
    ix_workflow_runs_workflow_status ix_workflow_runs_org_created
    ix_artifacts_type_created ix_artifacts_org_size
    ix_tasks_org_status_created ix_steps_task_status_order ix_workflow_runs_status_started
    ix_tasks_totp_identifier`
  expect(present).toEqual(expect.arrayContaining(documented.trim().split(/\s+/)))
})
