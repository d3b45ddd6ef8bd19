/** One report as a command: its parameters become arguments and flags, its sections a view. */
import { schemaOf } from '../../config/config.ts'
import type { Moment } from '../../model/moment.ts'
import type { Parameter, Report } from '../../model/report.ts'
import { entityNamed, type System } from '../../model/system.ts'
import type { Section } from '../../output/view.ts'
import type { ReportResult } from '../../reports/run.ts'
import { type Command, defineCommand } from '../command.ts'
import {
  type Arguments,
  argument,
  type Flags,
  integer,
  moment,
  optionalArgument,
  requiredText,
  text,
} from '../flags.ts'

export function reportCommand(system: System, report: Report): Command {
  const parameters = Object.entries(report.parameters)
  const args: Arguments = Object.fromEntries(
    parameters
      .filter(([, parameter]) => parameter.positional)
      .map(([name, { required, summary }]) => [name, required ? argument(summary) : optionalArgument(summary)]),
  )
  const flags: Flags = Object.fromEntries(
    parameters
      .filter(([, parameter]) => !parameter.positional)
      .map(([name, parameter]) => [name, parameterFlag(name, parameter)]),
  )
  const period: Flags =
    report.days === undefined
      ? {}
      : {
          since: moment('<time>', `start of the period: 7d (ago) or 2026-11-01 (default ${report.days} days back)`),
          until: moment('<time>', 'end of the period, not part of it (default now)'),
        }
  return defineCommand({
    name: report.name,
    summary: report.summary,
    examples: examplesOf(system, report),
    effect: 'read',
    args,
    flags: { ...flags, ...period },
    async run(context, input: Readonly<Record<string, unknown>>) {
      const [{ runReport }, config, db] = await Promise.all([
        import('../../reports/run.ts'),
        context.config(),
        context.readDb(),
      ])
      return runReport(db, {
        system,
        schema: schemaOf(config, system.name),
        report,
        parameters: Object.fromEntries(parameters.map(([name]) => [name, scalar(input[name])])),
        ...(isMoment(input.since) ? { since: input.since } : {}),
        ...(isMoment(input.until) ? { until: input.until } : {}),
      })
    },
    view: (result) => ({ shape: 'sections', sections: sectionsOf(report, result) }),
  })
}

function parameterFlag(name: string, parameter: Parameter) {
  const metavar = `<${parameter.metavar ?? name.replaceAll('_', '-')}>`
  if (parameter.kind === 'integer') return integer(metavar, parameter.summary)
  return parameter.required ? requiredText(metavar, parameter.summary) : text(metavar, parameter.summary)
}

function examplesOf(system: System, report: Report): [{ command: string; does: string }] {
  const values = Object.values(report.parameters)
    .filter((parameter) => parameter.positional)
    .map((parameter) => exampleId(system, parameter))
  const words = [system.name, 'report', report.name, ...values]
  return [{ command: words.join(' '), does: report.summary }]
}

function exampleId(system: System, parameter: Parameter): string {
  const entity = parameter.entity === undefined ? undefined : entityNamed(system, parameter.entity)
  const prefix = entity?.fields[entity.primaryKey]?.idPrefix
  return prefix === undefined ? `<${parameter.metavar ?? 'value'}>` : `${prefix}_732640195814096897`
}

function sectionsOf(report: Report, result: ReportResult): Section[] {
  const period: Section[] = result.window
    ? [
        {
          kind: 'record',
          key: 'period',
          title: 'Period',
          columns: [
            { key: 'since', kind: 'timestamp' },
            { key: 'until', kind: 'timestamp' },
          ],
          row: { ...result.window },
        },
      ]
    : []
  const figures = report.sections.map((section): Section => {
    const rows = result.rows[section.key] ?? []
    const { key, title, columns } = section
    if (section.shape === 'record') return { kind: 'record', key, title, columns, row: rows[0] ?? {} }
    return {
      kind: 'table',
      key,
      title,
      columns,
      rows,
      ...(section.chart === undefined ? {} : { chart: section.chart }),
      ...(section.empty === undefined ? {} : { empty: section.empty }),
    }
  })
  const advice: Section[] = result.recommendations
    ? [{ kind: 'notes', key: 'recommendations', title: 'Recommendations', lines: result.recommendations }]
    : []
  return [...period, ...figures, ...advice]
}

function scalar(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function isMoment(value: unknown): value is Moment {
  return typeof value === 'object' && value !== null && 'kind' in value
}
