/** The checks on tasks besides the shapes of their JSON (decision 57). */
import type { Check } from '../../../model/entity.ts'
import { endsNotBeforeStart } from '../../../model/entity.ts'

export const taskChecks: readonly Check[] = [
  {
    name: 'chk_tasks_title',
    expression: '(char_length(btrim((title)::text)) >= 3)',
    says: 'must have at least 3 characters',
    fields: ['title'],
  },
  {
    name: 'chk_tasks_priority',
    expression: '((priority >= 0) AND (priority <= 10))',
    says: 'must be from 0 to 10',
    fields: ['priority'],
  },
  {
    name: 'chk_tasks_requirements_type',
    expression: "(jsonb_typeof((requirements -> 'type'::text)) = 'string'::text)",
    says: 'type must be a string',
    fields: ['requirements'],
  },
  {
    name: 'chk_tasks_requirements_priority',
    expression: "(jsonb_typeof((requirements -> 'priority'::text)) = 'number'::text)",
    says: 'priority must be a number',
    fields: ['requirements'],
  },
  {
    name: 'chk_tasks_tags',
    expression:
      "((jsonb_typeof(tags) = 'array'::text) AND (NOT jsonb_path_exists(tags, 'strict $[*]?(@.type() != \"string\")'::jsonpath)))",
    says: 'must be a JSON array of texts',
    fields: ['tags'],
  },
  {
    name: 'chk_tasks_parent',
    expression: '(parent_task_id <> id)',
    says: 'must be another task',
    fields: ['parent_task_id'],
  },
  {
    name: 'chk_tasks_agent',
    expression: "((status <> 'in_progress'::{schema}.task_status) OR (assigned_agent IS NOT NULL))",
    says: 'must be set before the task can be in progress (task assign)',
    fields: ['assigned_agent'],
  },
  {
    name: 'chk_tasks_ended',
    expression:
      "(((status <> 'completed'::{schema}.task_status) OR (completed_at IS NOT NULL)) AND ((completed_at IS NULL) OR (status = ANY (ARRAY['completed'::{schema}.task_status, 'failed'::{schema}.task_status, 'cancelled'::{schema}.task_status]))))",
    says: 'must be set once the task is completed, and only once it has ended',
    fields: ['completed_at'],
  },
  endsNotBeforeStart('chk_tasks_times', 'completed_at', 'created_at'),
  {
    name: 'chk_tasks_durations',
    expression: '((estimated_duration >= 0) AND (actual_duration >= 0))',
    says: 'must be at least 0',
    fields: ['estimated_duration', 'actual_duration'],
  },
]
