/** DevFlow's reports. */
import type { Report } from '../../../model/report.ts'
import { activeTasks } from './active-tasks.ts'
import { agentPerformance } from './agent-performance.ts'
import { auditTrail } from './audit-trail.ts'
import { executionSummary } from './execution-summary.ts'
import { indexUsage } from './index-usage.ts'
import { pullRequestCycle } from './pull-request-cycle.ts'
import { pullRequestValidation } from './pull-request-validation.ts'

export const reports: readonly Report[] = [
  activeTasks,
  executionSummary,
  pullRequestValidation,
  agentPerformance,
  pullRequestCycle,
  auditTrail,
  indexUsage,
]
