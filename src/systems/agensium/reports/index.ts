/** The reports of Agensium. */
import type { Report } from '../../../model/report.ts'
import { creditsReport } from './credits.ts'
import { filesDue } from './files-due.ts'
import { purchases } from './purchases.ts'
import { taskFunnel } from './task-funnel.ts'
import { taskProgress } from './task-progress.ts'
import { unmatchedAnalysis } from './unmatched-analysis.ts'

export const reports: readonly Report[] = [
  creditsReport,
  purchases,
  taskFunnel,
  taskProgress,
  filesDue,
  unmatchedAnalysis,
]
