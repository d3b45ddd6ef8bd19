/** DevFlow's tables with the columns that seeding fills, parents before children. Their numbers stand in the ids. */
import type { SeedTable } from '../../src/seeds/definition.ts'

/** Days of simulated work. */
export const DAYS = 150

export const NUMBERS = {
  projects: 0,
  agents: 1,
  tasks: 2,
  dependencies: 3,
  executions: 4,
  pullRequests: 5,
  validations: 6,
  events: 7,
} as const

const table = (name: string, columns: string): SeedTable => ({
  table: name,
  ids: { kind: 'uuid' },
  columns: columns.split(/\s+/),
})

export const projects = table(
  'projects',
  'id name description repository_url repository_name default_branch settings created_at updated_at archived_at',
)
export const agents = table(
  'agent_configurations',
  'id project_id agent_type agent_name version configuration capabilities constraints is_active health_status last_health_check created_at updated_at',
)
export const tasks = table(
  'tasks',
  'id project_id parent_task_id title description status priority requirements dependencies context tags assigned_agent assigned_at estimated_duration actual_duration due_date created_by created_at updated_at completed_at',
)
export const dependencies = table(
  'dependencies',
  'id dependent_task_id dependency_task_id dependency_type is_satisfied satisfied_at created_at updated_at',
)
export const executions = table(
  'task_executions',
  'id task_id agent_type agent_instance_id execution_status input_context output_results error_details logs memory_usage_mb cpu_time_ms created_at updated_at started_at completed_at',
)
export const pullRequests = table(
  'pull_requests',
  'id task_id project_id pr_number repository_url branch_name base_branch title description status pr_url commit_sha validation_results review_comments created_at updated_at merged_at closed_at',
)
export const validations = table(
  'validations',
  'id pr_id task_execution_id validation_type validator_name result details score suggestions execution_time_ms started_at completed_at created_at updated_at',
)
export const events: SeedTable = {
  ...table(
    'workflow_events',
    'id event_type event_category project_id task_id task_execution_id pr_id actor action event_data occurred_at',
  ),
  // What the audit trigger wrote of a seeded row goes with the row.
  follows: {
    project_id: 'projects',
    task_id: 'tasks',
    task_execution_id: 'task_executions',
    pr_id: 'pull_requests',
  },
}

export const tables: readonly SeedTable[] = [
  projects,
  agents,
  tasks,
  dependencies,
  executions,
  pullRequests,
  validations,
  events,
]
