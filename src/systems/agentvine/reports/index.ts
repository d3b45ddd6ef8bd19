/** The reports of AgentVine. */
import type { Report } from '../../../model/report.ts'
import { capabilityCoverage } from './capability-coverage.ts'
import { failures } from './failures.ts'
import { queueDepth } from './queue-depth.ts'
import { taskTimes } from './task-times.ts'
import { workerUtilization } from './worker-utilization.ts'

export const reports: readonly Report[] = [workerUtilization, queueDepth, taskTimes, failures, capabilityCoverage]
