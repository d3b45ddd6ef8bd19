/** What Skyvern's words mean at a glance, wherever they are shown: lists, reports and the overview. */
import type { Tone } from '../../model/column.ts'

/** The states of tasks, steps, runs, blocks and browser sessions. */
export const statusTones: Readonly<Record<string, Tone>> = {
  created: 'idle',
  queued: 'active',
  running: 'active',
  retrying: 'active',
  completed: 'good',
  failed: 'bad',
  timeout: 'bad',
  terminated: 'bad',
  cancelled: 'idle',
  skipped: 'idle',
}
