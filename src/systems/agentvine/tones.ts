/** What AgentVine's words mean at a glance, wherever they are shown: lists, reports and the overview. */
import type { Tone } from '../../model/column.ts'

/** The states of tasks, orders, assignments and executions. */
export const statusTones: Readonly<Record<string, Tone>> = {
  pending: 'idle',
  queued: 'active',
  claimed: 'active',
  in_progress: 'active',
  active: 'active',
  running: 'active',
  blocked: 'idle',
  completed: 'good',
  failed: 'bad',
  timeout: 'bad',
  expired: 'bad',
  cancelled: 'idle',
}

export const workerTones: Readonly<Record<string, Tone>> = {
  idle: 'good',
  busy: 'active',
  offline: 'idle',
  error: 'bad',
}

export const priorityTones: Readonly<Record<string, Tone>> = { high: 'active', critical: 'bad' }
