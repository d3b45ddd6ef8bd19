/**
 * Tasks (systems/agentvine.md, 3; decisions 48, 49, 51, 52). What a task asks of a worker besides its type stands in
 * `context.capabilities`, a list of names.
 */
import { endsNotBeforeStart, entity, legalValues } from '../../../model/entity.ts'
import {
  createdAt,
  integer,
  json,
  oneOf,
  reference,
  text,
  timestamp,
  updatedAt,
  uuidId,
  varchar,
} from '../../../model/field.ts'
import { atLeast, httpUrl, jsonObject, notBlank, textsMember } from '../../../model/rule.ts'
import { priorityTones, statusTones } from '../tones.ts'
import { TASK_STATUSES, taskLifecycle } from './task-lifecycle.ts'
import { WORK_TYPES } from './words.ts'

const PERMISSION_LEVELS = ['autonomous', 'supervised', 'human_required'] as const
const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const

export const task = entity({
  name: 'task',
  table: 'tasks',
  summary: 'What is to be done, and where it stands',
  primaryKey: 'id',
  fields: {
    id: uuidId('task id'),
    title: varchar(255, { summary: 'what is to be done, in a line', rules: [notBlank] }),
    description: text({ summary: 'what is to be done, at length', nullable: true }),
    task_type: oneOf(WORK_TYPES, { summary: 'kind of work', limit: 20 }),
    permission_level: oneOf(PERMISSION_LEVELS, { summary: 'how much a worker may do alone', limit: 20 }),
    priority: oneOf(PRIORITIES, {
      summary: 'how urgent it is',
      limit: 10,
      tones: priorityTones,
      default: "'normal'::character varying",
    }),
    status: oneOf(TASK_STATUSES, {
      summary: 'where it stands',
      limit: 20,
      tones: statusTones,
      default: "'pending'::character varying",
      settable: 'never',
    }),
    repository_url: varchar(500, { summary: 'repository it is about', nullable: true, rules: [httpUrl] }),
    branch_name: varchar(255, { summary: 'branch it is done on', nullable: true, rules: [notBlank] }),
    issue_number: integer({ summary: 'issue it comes from', nullable: true, rules: [atLeast(1)] }),
    pr_number: integer({ summary: 'pull request it led to', nullable: true, rules: [atLeast(1)] }),
    context: json({
      summary: 'what a worker has to know; capabilities names what it must be able to do',
      default: "'{}'::jsonb",
      rules: [jsonObject, textsMember('capabilities')],
    }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_by: reference('user', 'id', {
      summary: 'user who created it',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    assigned_to: reference('worker', 'id', {
      summary: 'worker that does it, or is meant to',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
    }),
    parent_task_id: reference('task', 'id', {
      summary: 'task it is a part of',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    started_at: timestamp({ summary: 'when work on it began', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  checks: [
    legalValues('chk_tasks_type', 'task_type', WORK_TYPES, 'varchar'),
    legalValues('chk_tasks_permission_level', 'permission_level', PERMISSION_LEVELS, 'varchar'),
    legalValues('chk_tasks_priority', 'priority', PRIORITIES, 'varchar'),
    legalValues('chk_tasks_status', 'status', TASK_STATUSES, 'varchar'),
    {
      name: 'chk_tasks_numbers',
      expression: '((issue_number > 0) AND (pr_number > 0))',
      says: 'must be at least 1',
      fields: ['issue_number', 'pr_number'],
    },
    {
      name: 'chk_tasks_parent',
      expression: '(parent_task_id <> id)',
      says: 'must be another task',
      fields: ['parent_task_id'],
    },
    endsNotBeforeStart('chk_tasks_times', 'completed_at', 'started_at'),
  ],
  indexes: [
    { name: 'idx_tasks_status', on: ['status'] },
    { name: 'idx_tasks_type', on: ['task_type'] },
    { name: 'idx_tasks_priority', on: ['priority'] },
    { name: 'idx_tasks_created_by', on: ['created_by'] },
    { name: 'idx_tasks_assigned_to', on: ['assigned_to'] },
    { name: 'idx_tasks_parent', on: ['parent_task_id'] },
    { name: 'idx_tasks_status_priority', on: ['status', 'priority'] },
    { name: 'idx_tasks_created', on: ['created_at DESC', 'id DESC'] },
    { name: 'idx_tasks_metadata', on: ['metadata'], method: 'gin' },
  ],
  triggers: ['tasks_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  lifecycle: taskLifecycle,
  softDelete: {
    field: 'deleted_at',
    only: [
      {
        field: 'status',
        isOneOf: ['pending', 'blocked', 'completed', 'failed', 'cancelled'],
        says: 'a worker may be at it; cancel it first',
      },
    ],
  },
  list: {
    columns: ['id', 'title', 'task_type', 'priority', 'status', 'assigned_to', 'created_at'],
    sort: '-created_at',
    search: ['title', 'description', 'branch_name'],
    time: 'created_at',
  },
})
