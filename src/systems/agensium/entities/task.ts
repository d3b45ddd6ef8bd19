/**
 * Tasks (systems/agensium.md, "New Task Model"; decisions 37 to 40, 43, 45): one run of a tool over a user's files. The
 * files, parameters and results are in object storage; the row says where the task stands.
 */
import { type Check, entity, legalValues } from '../../../model/entity.ts'
import {
  boolean,
  createdAt,
  integer,
  json,
  oneOf,
  reference,
  text,
  timestamp,
  updatedAt,
  varchar,
} from '../../../model/field.ts'
import { between, notBlank, type Rule } from '../../../model/rule.ts'
import { progress } from '../operations/progress.ts'
import { statusTones } from '../tones.ts'
import { TOOLS } from '../tools.ts'
import { activeUser } from './creation-rules.ts'
import { ENDS, STATUSES, taskLifecycle } from './task-lifecycle.ts'

const agentIds: Rule = {
  describes: 'a JSON array of agent ids, at least one',
  check(value) {
    if (!Array.isArray(value) || value.length === 0) return 'must be a JSON array of at least one agent id'
    return value.every((agent) => typeof agent === 'string' && agent.trim() !== '')
      ? undefined
      : 'must hold agent ids, which are texts'
  },
}

/** When it entered a stage. */
const stage = (summary: string) => timestamp({ summary, nullable: true, settable: 'never' })

const checks: readonly Check[] = [
  legalValues('chk_status', 'status', STATUSES, 'varchar'),
  {
    name: 'chk_progress',
    expression: '((progress >= 0) AND (progress <= 100))',
    says: 'must be from 0 to 100',
    fields: ['progress'],
  },
  legalValues('chk_tool_id', 'tool_id', TOOLS, 'varchar'),
  {
    name: 'chk_tasks_task_id',
    expression: "((task_id)::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'::text)",
    says: 'must be a UUID in lower case',
    fields: ['task_id'],
  },
  {
    name: 'chk_tasks_agents',
    expression: `((jsonb_typeof(agents) = 'array'::text) AND (agents <> '[]'::jsonb) AND (NOT jsonb_path_exists(agents, '$[*]?(@.type() != "string")'::jsonpath)))`,
    says: 'must be a JSON array of at least one agent id',
    fields: ['agents'],
  },
  {
    name: 'chk_tasks_current_agent',
    expression: '(agents ? (current_agent)::text)',
    says: "must be one of the task's agents",
    fields: ['current_agent'],
  },
  {
    name: 'chk_tasks_deleted',
    expression: `((deleted_at IS NULL) OR (s3_cleaned AND ((status)::text = ANY ((ARRAY[${ENDS.map((end) => `'${end}'::character varying`).join(', ')}])::text[]))))`,
    says: 'only a task that has ended and whose files are gone can be deleted',
    fields: ['deleted_at'],
  },
]

export const task = entity({
  name: 'task',
  table: 'tasks',
  summary: 'Runs of a tool over files that a user uploads',
  primaryKey: 'task_id',
  fields: {
    task_id: varchar(36, { summary: 'task id, a UUID', default: '(gen_random_uuid())::text', settable: 'never' }),
    user_id: reference('user', 'id', {
      summary: 'user who runs it',
      kind: 'integer',
      onDelete: 'restrict',
      constraint: 'fk_task_user',
      settable: 'create',
    }),
    tool_id: oneOf(TOOLS, { summary: 'tool that it runs', limit: 50, settable: 'create' }),
    agents: json({ summary: 'agents at work, in order', settable: 'create', rules: [agentIds] }),
    status: oneOf(STATUSES, {
      summary: 'where it stands',
      limit: 20,
      tones: statusTones,
      default: `'CREATED'::character varying`,
      settable: 'never',
    }),
    progress: integer({
      summary: 'how far it is, 0 to 100',
      default: '0',
      settable: 'update',
      rules: [between(0, 100)],
      unit: 'percent',
    }),
    current_agent: varchar(100, {
      summary: 'agent at work now',
      nullable: true,
      settable: 'update',
      rules: [notBlank],
    }),
    error_code: varchar(50, {
      summary: 'kind of error, such as BILLING_INSUFFICIENT_CREDITS',
      nullable: true,
      settable: 'update',
      rules: [notBlank],
    }),
    error_message: text({
      summary: 'what went wrong, for people',
      nullable: true,
      settable: 'update',
      rules: [notBlank],
    }),
    created_at: createdAt(),
    upload_started_at: stage('when the upload URLs were handed out'),
    upload_failed_at: stage('when the upload failed'),
    queued_at: stage('when it came into the queue'),
    processing_started_at: stage('when its agents began'),
    completed_at: stage('when it succeeded'),
    failed_at: stage('when it failed'),
    cancelled_at: stage('when its user cancelled it'),
    expired_at: stage('when it was ended for its age'),
    updated_at: updatedAt(),
    inputs_cleaned_at: stage('when its input files were deleted'),
    outputs_cleaned_at: stage('when its output files were deleted'),
    s3_cleaned: boolean({
      summary: 'whether all its files are deleted',
      settable: 'never',
      generated: '((inputs_cleaned_at IS NOT NULL) AND (outputs_cleaned_at IS NOT NULL))',
    }),
    deleted_at: stage('when the task was deleted; the row stays'),
  },
  checks,
  indexes: [
    { name: 'idx_tasks_user_id', on: ['user_id'] },
    { name: 'idx_tasks_status', on: ['status'] },
    { name: 'idx_tasks_user_status', on: ['user_id', 'status'] },
    { name: 'idx_tasks_created_at', on: ['created_at'] },
    { name: 'idx_tasks_tool_id', on: ['tool_id'] },
    { name: 'idx_tasks_user_created', on: ['user_id', 'created_at'] },
  ],
  triggers: ['tasks_set_updated_at'],
  // No update: what changes is where the task stands, and that the operations record.
  verbs: ['list', 'get', 'create', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [progress],
  creation: [activeUser],
  derived: {
    field: 'agents',
    from: 'agent-cost',
    collects: 'agent_id',
    matching: { tool_id: 'tool_id' },
    where: { is_active: true },
    otherwise: 'has no active agents',
  },
  softDelete: {
    field: 'deleted_at',
    only: [
      { field: 'status', isOneOf: ENDS, says: 'it has not ended' },
      { field: 's3_cleaned', isOneOf: [true], says: 'its files are not deleted yet' },
    ],
  },
  lifecycle: taskLifecycle,
  list: {
    columns: ['task_id', 'user_id', 'tool_id', 'status', 'progress', 'error_code', 'created_at'],
    sort: '-created_at',
    search: ['error_code', 'error_message', 'current_agent'],
    time: 'created_at',
    tags: 'agents',
  },
})
