/** The reports of Skyvern. */
import type { Report } from '../../../model/report.ts'
import { organizationPerformance } from './organization-performance.ts'
import { organizationUsage } from './organization-usage.ts'
import { stepMetrics } from './step-metrics.ts'
import { taskSummary } from './task-summary.ts'
import { workflowAnalytics } from './workflow-analytics.ts'
import { workflowBottlenecks } from './workflow-bottlenecks.ts'

export const reports: readonly Report[] = [
  taskSummary,
  workflowAnalytics,
  stepMetrics,
  organizationUsage,
  organizationPerformance,
  workflowBottlenecks,
]
