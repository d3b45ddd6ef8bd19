/** Workflow runs (systems/skyvern.md, 1.4 and "WorkflowOperations"; decisions 11, 17, 24, 25). */
import { reaches } from '../../../model/checks.ts'
import { endsNotBeforeStart, entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  generatedId,
  integer,
  json,
  reference,
  text,
  timestamp,
  updatedAt,
} from '../../../model/field.ts'
import { lifecycle } from '../../../model/lifecycle.ts'
import { atLeast, jsonObject, notBlank } from '../../../model/rule.ts'
import { logs } from '../operations/logs.ts'
import { statusTones } from '../tones.ts'
import { activeOrganization, ofSameOrganization } from './creation-rules.ts'
import { RUN_ROLES, RUN_STATUSES, runTransitions } from './run-lifecycle.ts'

// A new attempt has no times yet, and the results of the one before are not its own.
const attempt = ['started_at', 'completed_at', 'failure_reason', 'outputs'] as const
const { start, ...transitions } = runTransitions('workflow run', 'outputs', attempt)

export const workflowRun = entity({
  name: 'workflow-run',
  table: 'workflow_runs',
  summary: 'Executions of a workflow with parameters',
  primaryKey: 'workflow_run_id',
  fields: {
    workflow_run_id: generatedId('wr', 'workflow run id'),
    workflow_id: reference('workflow', 'workflow_id', {
      summary: 'workflow (one version of it) that runs',
      onDelete: 'cascade',
      settable: 'create',
    }),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization that owns the run',
      onDelete: 'cascade',
      settable: 'create',
    }),
    initiated_by: reference('user', 'user_id', {
      summary: 'user who started it',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    browser_session_id: reference('browser-session', 'browser_session_id', {
      summary: 'browser session it runs in',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    status: enumeration('workflow_run_status', RUN_STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'created'::{schema}.workflow_run_status`,
      settable: 'never',
    }),
    current_block_index: integer({
      summary: 'block it has come to, from 0',
      default: '0',
      settable: 'update',
      rules: [atLeast(0)],
    }),
    parameters: json({
      summary: "input, valid against the workflow's parameter_schema",
      nullable: true,
      settable: 'create',
      rules: [jsonObject],
    }),
    outputs: json({ summary: 'results', nullable: true, settable: 'update', rules: [jsonObject] }),
    failure_reason: text({ summary: 'why it failed', nullable: true, settable: 'update', rules: [notBlank] }),
    created_at: createdAt(),
    modified_at: updatedAt(),
    started_at: timestamp({ summary: 'when the last attempt began', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
  },
  checks: [
    reaches('check_workflow_run_block_index', 'current_block_index', 0),
    endsNotBeforeStart('check_workflow_run_times', 'completed_at', 'started_at'),
  ],
  indexes: [
    { name: 'ix_workflow_runs_workflow_id', on: ['workflow_id'] },
    { name: 'ix_workflow_runs_organization_id', on: ['organization_id'] },
    { name: 'ix_workflow_runs_status', on: ['status'] },
    { name: 'ix_workflow_runs_created_at', on: ['created_at'] },
    { name: 'ix_workflow_runs_initiated_by', on: ['initiated_by'] },
    { name: 'ix_workflow_runs_browser_session_id', on: ['browser_session_id'] },
    { name: 'ix_workflow_runs_workflow_status', on: ['workflow_id', 'status'] },
    { name: 'ix_workflow_runs_org_created', on: ['organization_id', 'created_at DESC'] },
    {
      name: 'ix_workflow_runs_status_started',
      on: ['status', 'started_at'],
      where: '(started_at IS NOT NULL)',
    },
  ],
  triggers: ['workflow_runs_set_modified_at'],
  verbs: ['list', 'get', 'create', 'update', 'count', 'import', 'export', 'bulk'],
  creation: [
    activeOrganization,
    {
      via: 'workflow_id',
      lock: 'share',
      refuses: (workflow) => (workflow.is_active === true ? undefined : 'is not active'),
      matches: { organization_id: 'organization_id' },
      fills: true,
      validates: { field: 'parameters', against: 'parameter_schema' },
    },
    ofSameOrganization('initiated_by'),
    ofSameOrganization('browser_session_id'),
  ],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'created',
    states: RUN_ROLES,
    stamps: { running: 'started_at' },
    endedAt: 'completed_at',
    transitions: [{ ...start, creates: 'optional' }, ...Object.values(transitions)],
  }),
  operations: [logs('workflow run', 'workflow-run-log', 'workflow_run_id')],
  list: {
    columns: ['workflow_run_id', 'status', 'workflow_id', 'failure_reason', 'created_at', 'completed_at'],
    sort: '-created_at',
    search: ['failure_reason'],
    time: 'created_at',
  },
})
