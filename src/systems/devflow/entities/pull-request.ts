/** Pull requests (systems/devflow.md, "Pull Requests"; decisions 54, 55, 57), from draft to merged or closed. */
import { reaches } from '../../../model/checks.ts'
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
import { atLeast, httpUrl, lowerCase, notBlank } from '../../../model/rule.ts'
import { recordValidation } from '../operations/record-validation.ts'
import { statusTones } from '../tones.ts'
import { openProject } from './creation-rules.ts'
import { jsonArray, jsonShape, nestedAtMostTen } from './json.ts'
import { PR_STATUSES, pullRequestLifecycle } from './pull-request-lifecycle.ts'

export const pullRequest = entity({
  name: 'pull-request',
  aliases: ['pr'],
  table: 'pull_requests',
  summary: 'Pull requests, from draft to merged or closed',
  primaryKey: 'id',
  fields: {
    id: uuidId('pull request id'),
    task_id: reference('task', 'id', {
      kind: 'uuid',
      summary: 'task it is for',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    project_id: reference('project', 'id', {
      kind: 'uuid',
      summary: "project it belongs to; the task's when absent",
      onDelete: 'cascade',
      settable: 'create',
    }),
    pr_number: integer({ summary: 'its number in the repository', nullable: true, rules: [atLeast(1)] }),
    repository_url: varchar(500, { summary: 'where the repository is', settable: 'create', rules: [notBlank] }),
    branch_name: varchar(255, { summary: 'branch with the changes', settable: 'create', rules: [notBlank] }),
    base_branch: varchar(255, {
      summary: 'branch that takes them',
      default: "'main'::character varying",
      rules: [notBlank],
    }),
    title: varchar(500, { summary: 'title', rules: [notBlank] }),
    description: text({ summary: 'what it changes, and why', nullable: true }),
    status: enumeration('pr_status', PR_STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'draft'::{schema}.pr_status`,
      settable: 'never',
    }),
    pr_url: varchar(500, { summary: 'where it can be seen', nullable: true, rules: [httpUrl] }),
    commit_sha: varchar(40, {
      summary: 'last commit, 40 hexadecimal digits',
      nullable: true,
      rules: [
        lowerCase,
        {
          describes: '40 hexadecimal digits',
          check: (value) =>
            typeof value === 'string' && /^[0-9a-f]{40}$/.test(value) ? undefined : 'must be 40 hexadecimal digits',
        },
      ],
    }),
    validation_results: json({
      summary: 'last validation of each type, kept as validations come in',
      default: "'{}'::jsonb",
      settable: 'never',
      projectionOf: 'validation',
    }),
    review_comments: json({
      summary: 'what reviewers said',
      default: "'[]'::jsonb",
      rules: [jsonArray, nestedAtMostTen],
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    merged_at: timestamp({ summary: 'when it was merged', nullable: true, settable: 'never' }),
    closed_at: timestamp({ summary: 'when it was closed', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_pull_requests_number', fields: ['repository_url', 'pr_number'] }],
  checks: [
    reaches('chk_pull_requests_number', 'pr_number', 1),
    {
      name: 'chk_pull_requests_branches',
      expression: '((branch_name)::text <> (base_branch)::text)',
      says: 'must be another branch than branch_name',
      fields: ['base_branch'],
    },
    {
      name: 'chk_pull_requests_commit_sha',
      expression: "((commit_sha)::text ~ '^[0-9a-f]{40}$'::text)",
      says: 'must be 40 hexadecimal digits',
      fields: ['commit_sha'],
    },
    jsonShape('pull_requests', 'validation_results', 'object'),
    jsonShape('pull_requests', 'review_comments', 'array'),
    {
      name: 'chk_pull_requests_merged',
      expression: "((status = 'merged'::{schema}.pr_status) = (merged_at IS NOT NULL))",
      says: 'must be set exactly when the pull request is merged',
      fields: ['merged_at'],
    },
    {
      name: 'chk_pull_requests_closed',
      expression:
        "(((status <> 'closed'::{schema}.pr_status) OR (closed_at IS NOT NULL)) AND ((closed_at IS NULL) OR (status = ANY (ARRAY['closed'::{schema}.pr_status, 'merged'::{schema}.pr_status]))))",
      says: 'must be set once the pull request is closed, and only once it has ended',
      fields: ['closed_at'],
    },
    {
      name: 'chk_pull_requests_times',
      expression: '((merged_at >= created_at) AND (closed_at >= created_at))',
      says: 'must not be before created_at',
      fields: ['merged_at', 'closed_at'],
    },
  ],
  indexes: [
    { name: 'idx_pull_requests_task_id', on: ['task_id'] },
    { name: 'idx_pull_requests_project_status', on: ['project_id', 'status', 'created_at DESC'] },
    { name: 'idx_pull_requests_status', on: ['status', 'created_at DESC'] },
    { name: 'idx_pull_requests_created_at', on: ['created_at DESC', 'id DESC'] },
    {
      name: 'idx_pull_requests_open',
      on: ['updated_at'],
      where:
        "(status = ANY (ARRAY['open'::{schema}.pr_status, 'review_requested'::{schema}.pr_status, 'approved'::{schema}.pr_status, 'failed_validation'::{schema}.pr_status]))",
    },
  ],
  triggers: ['pull_requests_record_change', 'pull_requests_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'import', 'export', 'bulk'],
  operations: [recordValidation],
  creation: [{ via: 'task_id', lock: 'share', matches: { project_id: 'project_id' }, fills: true }, openProject],
  lifecycle: pullRequestLifecycle,
  list: {
    columns: ['id', 'pr_number', 'title', 'status', 'branch_name', 'created_at'],
    sort: '-created_at',
    search: ['title', 'description', 'branch_name', 'repository_url', 'commit_sha'],
    time: 'created_at',
  },
})
