/** Tasks (systems/devflow.md, "Tasks"; decisions 54, 55, 57, 61): what an agent is to do, and how far it came. */
import { entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  integer,
  json,
  reference,
  text,
  timestamp,
  updatedAt,
  uuidId,
  varchar,
} from '../../../model/field.ts'
import { atLeast, atLeastCharacters, between, jsonObject, notBlank } from '../../../model/rule.ts'
import { assign } from '../operations/assign.ts'
import { statusTones } from '../tones.ts'
import { AGENT_TYPES } from './agent-type.ts'
import { openProject } from './creation-rules.ts'
import { jsonShape, memberOfType, nestedAtMostTen, textsOnly } from './json.ts'
import { taskChecks } from './task-checks.ts'
import { TASK_STATUSES, taskLifecycle } from './task-lifecycle.ts'

export const task = entity({
  name: 'task',
  table: 'tasks',
  summary: 'What agents are to do, and how far it came',
  primaryKey: 'id',
  fields: {
    id: uuidId('task id'),
    project_id: reference('project', 'id', {
      kind: 'uuid',
      summary: 'project it belongs to',
      onDelete: 'cascade',
      settable: 'create',
    }),
    parent_task_id: reference('task', 'id', {
      kind: 'uuid',
      summary: 'task it is a part of',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    title: varchar(500, { summary: 'what to do', rules: [notBlank, atLeastCharacters(3)] }),
    description: text({ summary: 'what to do, at length', nullable: true }),
    status: enumeration('task_status', TASK_STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'pending'::{schema}.task_status`,
      settable: 'never',
    }),
    priority: integer({ summary: 'from 0 to 10, the highest first', default: '0', rules: [between(0, 10)] }),
    requirements: json({
      summary: 'what is required: type, complexity, acceptance criteria',
      default: "'{}'::jsonb",
      rules: [jsonObject, memberOfType('type', 'string'), memberOfType('priority', 'number'), nestedAtMostTen],
    }),
    dependencies: json({
      summary: 'what it waits for, kept as the dependencies change',
      default: "'[]'::jsonb",
      settable: 'never',
      projectionOf: 'dependency',
    }),
    context: json({
      summary: 'what the agent should know',
      default: "'{}'::jsonb",
      rules: [jsonObject, nestedAtMostTen],
    }),
    tags: json({ summary: 'words to find it by', default: "'[]'::jsonb", rules: [textsOnly] }),
    assigned_agent: enumeration('agent_type', AGENT_TYPES, {
      summary: 'kind of agent it is given to',
      nullable: true,
      settable: 'never',
    }),
    assigned_at: timestamp({ summary: 'when it was given', nullable: true, settable: 'never' }),
    estimated_duration: integer({
      summary: 'how long it should take, in seconds',
      unit: 'seconds',
      nullable: true,
      rules: [atLeast(0)],
    }),
    actual_duration: integer({
      summary: 'how long it took, in seconds',
      unit: 'seconds',
      nullable: true,
      settable: 'update',
      rules: [atLeast(0)],
    }),
    due_date: timestamp({ summary: 'when it should be done', nullable: true }),
    created_by: varchar(255, { summary: 'who asked for it', nullable: true, settable: 'create', rules: [notBlank] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
  },
  fullText: {
    column: 'search_vector',
    configuration: 'english',
    generated:
      "(setweight(to_tsvector('english'::regconfig, (title)::text), 'A'::\"char\") || setweight(to_tsvector('english'::regconfig, COALESCE(description, ''::text)), 'B'::\"char\"))",
  },
  checks: [
    ...taskChecks,
    jsonShape('tasks', 'requirements', 'object'),
    jsonShape('tasks', 'dependencies', 'array'),
    jsonShape('tasks', 'context', 'object'),
  ],
  indexes: [
    { name: 'idx_tasks_project_status', on: ['project_id', 'status', 'created_at DESC'] },
    { name: 'idx_tasks_parent_task_id', on: ['parent_task_id'] },
    { name: 'idx_tasks_status', on: ['status', 'created_at DESC'] },
    { name: 'idx_tasks_assigned_agent', on: ['assigned_agent', 'status'] },
    { name: 'idx_tasks_created_at', on: ['created_at DESC', 'id DESC'] },
    {
      name: 'idx_tasks_active',
      on: ['priority DESC', 'created_at'],
      where:
        "(status = ANY (ARRAY['pending'::{schema}.task_status, 'in_progress'::{schema}.task_status, 'validation'::{schema}.task_status]))",
    },
    {
      name: 'idx_tasks_due_date',
      on: ['due_date'],
      where: '((completed_at IS NULL) AND (due_date IS NOT NULL))',
    },
    { name: 'idx_tasks_completed_at', on: ['completed_at'], where: '(completed_at IS NOT NULL)' },
    { name: 'idx_tasks_requirements', on: ['requirements'], method: 'gin' },
    { name: 'idx_tasks_tags', on: ['tags'], method: 'gin' },
    { name: 'idx_tasks_context', on: ['context'], method: 'gin' },
    { name: 'idx_tasks_search', on: ['search_vector'], method: 'gin' },
  ],
  triggers: ['tasks_record_change', 'tasks_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [assign],
  creation: [openProject, { via: 'parent_task_id', lock: 'share', matches: { project_id: 'project_id' } }],
  lifecycle: taskLifecycle,
  list: {
    columns: ['id', 'title', 'status', 'priority', 'assigned_agent', 'due_date', 'created_at'],
    sort: '-created_at',
    search: ['title', 'description', 'created_by'],
    time: 'created_at',
    tags: 'tags',
  },
})
