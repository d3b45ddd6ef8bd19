/** Reports on the command line: `steward <system> report <name>`, and `steward report list` for all systems. */
import type { System } from '../../model/system.ts'
import type { Group } from '../command.ts'
import { reportList } from './list.ts'
import { reportCommand } from './run.ts'

/** The reports of one system. */
export function reportGroup(system: System): Group {
  return {
    name: 'report',
    aliases: ['reports'],
    summary: `Reports: ${system.reports.map((report) => report.name).join(', ')}`,
    description: `Analytic questions about ${system.title}, each answered from one consistent snapshot.`,
    commands: system.reports.map((report) => reportCommand(system, report)),
  }
}

/** What reports there are, in every system. */
export const reportCatalogue: Group = {
  name: 'report',
  summary: 'List the reports of every system',
  commands: [reportList],
}
