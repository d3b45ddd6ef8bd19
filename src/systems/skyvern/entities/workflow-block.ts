/**
 * Blocks of a workflow run (decisions 9, 13, 19). Read-only: the platform writes them as the run goes, so the
 * lifecycle names the states and no transitions.
 */
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
import { statusTones } from '../tones.ts'

const STATUSES = ['created', 'running', 'completed', 'failed', 'cancelled', 'terminated', 'skipped'] as const

export const workflowBlock = entity({
  name: 'workflow-block',
  table: 'workflow_blocks',
  summary: 'Blocks of a workflow run, in order',
  primaryKey: 'workflow_block_id',
  fields: {
    workflow_block_id: generatedId('wrb', 'workflow block id'),
    workflow_run_id: reference('workflow-run', 'workflow_run_id', {
      summary: 'run it is part of',
      onDelete: 'cascade',
      settable: 'never',
    }),
    block_index: integer({ summary: 'place within the run, from 0', settable: 'never' }),
    block_type: text({ summary: 'what kind of block it is', settable: 'never' }),
    label: text({ summary: 'name within the workflow', nullable: true, settable: 'never' }),
    status: enumeration('workflow_block_status', STATUSES, {
      summary: 'where it stands',
      tones: statusTones,
      default: `'created'::{schema}.workflow_block_status`,
      settable: 'never',
    }),
    output: json({ summary: 'result of the block', nullable: true, settable: 'never' }),
    failure_reason: text({ summary: 'why it failed', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    modified_at: updatedAt(),
    started_at: timestamp({ summary: 'when it began', nullable: true, settable: 'never' }),
    completed_at: timestamp({ summary: 'when it ended, however it ended', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_workflow_blocks_run_index', fields: ['workflow_run_id', 'block_index'] }],
  checks: [
    reaches('check_workflow_block_index', 'block_index', 0),
    endsNotBeforeStart('check_workflow_block_times', 'completed_at', 'started_at'),
  ],
  indexes: [{ name: 'ix_workflow_blocks_created_at', on: ['created_at'] }],
  triggers: ['workflow_blocks_set_modified_at'],
  verbs: ['list', 'get', 'count', 'export'],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'created',
    states: {
      created: 'waiting',
      running: 'active',
      completed: 'terminal',
      failed: 'terminal',
      cancelled: 'terminal',
      terminated: 'terminal',
      skipped: 'terminal',
    },
    stamps: { running: 'started_at' },
    endedAt: 'completed_at',
    transitions: [],
  }),
  list: {
    columns: ['workflow_run_id', 'block_index', 'block_type', 'label', 'status', 'started_at', 'completed_at'],
    sort: '-created_at',
    search: ['label', 'block_type', 'failure_reason'],
    time: 'created_at',
  },
})
