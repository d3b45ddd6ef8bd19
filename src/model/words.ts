/** Words that several platforms use alike, and what they mean at a glance. */
import type { Tone } from './column.ts'

/** Levels of log lines as Python's logging has them, from least to most severe. */
export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const

/** How serious a log line is, however the platform writes it. */
export const levelTones: Readonly<Record<string, Tone>> = {
  WARNING: 'active',
  ERROR: 'bad',
  CRITICAL: 'bad',
  warning: 'active',
  error: 'bad',
  critical: 'bad',
}

/** How an integration or an agent does. */
export const healthTones: Readonly<Record<string, Tone>> = {
  unknown: 'idle',
  healthy: 'good',
  degraded: 'active',
  unhealthy: 'bad',
}
