/** `steward report list`: every report with its parameters. Needs no database. */
import { systems } from '../../systems/registry.ts'
import { defineCommand } from '../command.ts'

export const reportList = defineCommand({
  name: 'list',
  summary: 'List every report with its parameters',
  examples: [{ command: 'report list', does: 'See what can be asked' }],
  effect: 'read',
  async run() {
    const loaded = await Promise.all(systems.map((entry) => entry.load()))
    return loaded.flatMap((system) =>
      system.reports.map((report) => ({
        system: system.name,
        report: report.name,
        parameters: Object.entries(report.parameters)
          .map(([name, { positional, required }]) => {
            const word = name.replaceAll('_', '-')
            if (positional) return required ? `<${word}>` : `[${word}]`
            return required ? `--${word} <value>` : `[--${word} <value>]`
          })
          .join(' '),
        days: report.days ?? null,
        answers: report.summary,
      })),
    )
  },
  view: (rows) => ({
    shape: 'table',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'report', kind: 'text' },
      { key: 'parameters', kind: 'text' },
      { key: 'days', label: 'default days', kind: 'integer' },
      { key: 'answers', kind: 'text' },
    ],
    // The name first: it is what one came for, and the first column is the last to be cut.
    shown: ['report', 'system', 'parameters', 'answers'],
    rows,
  }),
})
