/** What AutoPR's words mean at a glance, wherever they are shown: lists, reports and the overview. */
import type { Tone } from '../../model/column.ts'

export const workflowTones: Readonly<Record<string, Tone>> = {
  active: 'good',
  draft: 'idle',
  inactive: 'idle',
  archived: 'idle',
}

export const executionTones: Readonly<Record<string, Tone>> = {
  pending: 'active',
  running: 'active',
  completed: 'good',
  failed: 'bad',
  timeout: 'bad',
  cancelled: 'idle',
}

export const eventTones: Readonly<Record<string, Tone>> = {
  pending: 'active',
  processing: 'active',
  completed: 'good',
  failed: 'bad',
  ignored: 'idle',
}
