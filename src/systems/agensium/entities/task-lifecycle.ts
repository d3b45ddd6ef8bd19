/**
 * The stages of a task (systems/agensium.md, "Task Model", `can_process` and `can_cancel`; decisions 38 and 40): every
 * state stamps a time of its own, and nothing leads out of an end. What takes a task to its end for its age is data in
 * retention.ts.
 */
import { lifecycle } from '../../../model/lifecycle.ts'

export const STATUSES = [
  'CREATED',
  'UPLOADING',
  'UPLOAD_FAILED',
  'QUEUED',
  'PROCESSING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'EXPIRED',
] as const

export const ENDS = ['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'] as const

export const taskLifecycle = lifecycle({
  field: 'status',
  initial: 'CREATED',
  states: {
    CREATED: 'waiting',
    UPLOADING: 'active',
    UPLOAD_FAILED: 'waiting',
    QUEUED: 'active',
    PROCESSING: 'active',
    COMPLETED: 'terminal',
    FAILED: 'terminal',
    CANCELLED: 'terminal',
    EXPIRED: 'terminal',
  },
  stamps: {
    UPLOADING: 'upload_started_at',
    UPLOAD_FAILED: 'upload_failed_at',
    QUEUED: 'queued_at',
    PROCESSING: 'processing_started_at',
  },
  endedAt: {
    COMPLETED: 'completed_at',
    FAILED: 'failed_at',
    CANCELLED: 'cancelled_at',
    EXPIRED: 'expired_at',
  },
  transitions: [
    {
      verb: 'start-upload',
      summary: 'Record that the upload URLs were handed out',
      from: ['CREATED'],
      to: 'UPLOADING',
    },
    {
      verb: 'fail-upload',
      summary: 'Record that files are missing or damaged, and why',
      from: ['UPLOADING'],
      to: 'UPLOAD_FAILED',
      takes: { error_code: 'optional', error_message: 'optional' },
    },
    {
      verb: 'queue',
      summary: 'Put the task, whose files are there, into the queue',
      from: ['UPLOADING'],
      to: 'QUEUED',
    },
    // After a failed upload it is another try: the error was that of the one before.
    {
      verb: 'process',
      summary: 'Record that its agents are at work',
      from: ['QUEUED', 'UPLOAD_FAILED'],
      to: 'PROCESSING',
      clears: ['error_code', 'error_message'],
    },
    {
      verb: 'complete',
      summary: 'Record that every agent is done',
      from: ['PROCESSING'],
      to: 'COMPLETED',
      sets: { progress: 100 },
      clears: ['current_agent'],
    },
    // From the queue as well: whether there are credits enough is asked before the first agent works.
    {
      verb: 'fail',
      summary: 'Record that the task failed, and why',
      from: ['QUEUED', 'PROCESSING'],
      to: 'FAILED',
      takes: { error_code: 'required', error_message: 'required' },
    },
    {
      verb: 'cancel',
      summary: 'Cancel the task as its user would',
      from: ['CREATED', 'UPLOADING', 'QUEUED', 'PROCESSING'],
      to: 'CANCELLED',
      ends: true,
    },
    {
      verb: 'expire',
      summary: 'End a task that was left lying',
      from: ['CREATED', 'UPLOADING', 'UPLOAD_FAILED', 'QUEUED'],
      to: 'EXPIRED',
      ends: true,
    },
  ],
})
