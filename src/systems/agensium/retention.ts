/**
 * How long Agensium's data is kept and how long a task may stay where it is (systems/agensium.md, "Data Retention" and
 * "Cleanup expired tasks"; decisions 38 to 40 and 45). Transactions, wallets, events and users stay.
 */
import type { RetentionRule } from '../../model/retention.ts'
import { ENDS } from './entities/task-lifecycle.ts'

/** When a task ended: the one of these that it has. */
const ended = ['completed_at', 'failed_at', 'cancelled_at', 'expired_at'] as const

const expiry = (name: string, status: string, ageOf: string, olderThan: string, summary: string): RetentionRule => ({
  name,
  summary,
  entity: 'task',
  action: 'expire',
  ageOf,
  olderThan,
  only: { status: [status] },
  transition: 'expire',
})

/** Files of ended tasks, whatever the end: those of failed ones lay for ever (decision 39). */
const files = (what: 'inputs' | 'outputs', olderThan: string): RetentionRule => ({
  name: `${what.slice(0, -1)}-files`,
  summary: `${what === 'inputs' ? 'Input' : 'Output'} files, ${olderThan} after the end of their task`,
  entity: 'task',
  action: 'delete-files',
  ageOf: ended,
  olderThan,
  only: { status: ENDS },
  files: { prefix: `users/{user_id}/tasks/{task_id}/${what}/`, cleanedAt: `${what}_cleaned_at` },
})

export const inputFiles = files('inputs', '7 days')
export const outputFiles = files('outputs', '30 days')

export const retention: readonly RetentionRule[] = [
  expiry(
    'abandoned-tasks',
    'CREATED',
    'created_at',
    '15 minutes',
    'Tasks whose upload never began, after 15 minutes',
  ),
  expiry(
    'stalled-uploads',
    'UPLOADING',
    'upload_started_at',
    '15 minutes',
    'Uploads that never ended, after 15 minutes',
  ),
  expiry(
    'failed-uploads',
    'UPLOAD_FAILED',
    'upload_failed_at',
    '1 day',
    'Failed uploads that nobody tried again, after a day',
  ),
  expiry('forgotten-tasks', 'QUEUED', 'queued_at', '1 day', 'Tasks that nobody processed, after a day in the queue'),
  {
    ...expiry(
      'hung-tasks',
      'PROCESSING',
      'processing_started_at',
      '6 hours',
      'Tasks that hang, failed after 6 hours',
    ),
    transition: 'fail',
    values: { error_code: 'TASK_TIMED_OUT', error_message: 'Processing did not end within the time allowed' },
  },
  inputFiles,
  outputFiles,
  {
    name: 'old-tasks',
    summary: 'Tasks, marked as deleted after a year; their files are gone by then',
    entity: 'task',
    action: 'soft-delete',
    ageOf: 'created_at',
    olderThan: '1 year',
    only: { status: ENDS },
  },
  {
    name: 'deleted-tasks',
    summary: 'Tasks that were marked as deleted, for good 90 days after that',
    entity: 'task',
    action: 'purge',
    ageOf: 'deleted_at',
    olderThan: '90 days',
    optIn: true,
  },
]
