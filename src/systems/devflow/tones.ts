/** What DevFlow's words mean at a glance, wherever they are shown: lists, reports and the overview. */
import type { Tone } from '../../model/column.ts'

/** The states of tasks, executions and pull requests. */
export const statusTones: Readonly<Record<string, Tone>> = {
  pending: 'idle',
  in_progress: 'active',
  validation: 'active',
  completed: 'good',
  failed: 'bad',
  cancelled: 'idle',
  queued: 'active',
  running: 'active',
  timeout: 'bad',
  draft: 'idle',
  open: 'active',
  review_requested: 'active',
  approved: 'active',
  merged: 'good',
  closed: 'idle',
  failed_validation: 'bad',
}

/** What a validation found. */
export const resultTones: Readonly<Record<string, Tone>> = {
  passed: 'good',
  failed: 'bad',
  warning: 'active',
  skipped: 'idle',
}

/** How much an index is used. */
export const usageTones: Readonly<Record<string, Tone>> = {
  UNUSED: 'bad',
  LOW: 'active',
  MEDIUM: 'good',
  HIGH: 'good',
}
