/** DevFlow's reports. */
import type { Report } from '../../../model/report.ts'

export const reports: readonly Report[] = []
