/** The reports of AgentVine. */
import type { Report } from '../../../model/report.ts'

export const reports: readonly Report[] = []
