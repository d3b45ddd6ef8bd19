/** The reports of AutoPR. */
import type { Report } from '../../../model/report.ts'
import { eventQueue } from './event-queue.ts'
import { executionOutcomes } from './execution-outcomes.ts'
import { failureReasons } from './failure-reasons.ts'
import { integrationHealth } from './integration-health.ts'
import { logVolume } from './log-volume.ts'

export const reports: readonly Report[] = [
  executionOutcomes,
  failureReasons,
  eventQueue,
  integrationHealth,
  logVolume,
]
