/** One report as a command: its parameters become arguments and flags, its sections a view. */
import { schemaOf } from '../../config/config.ts'
import type { Scope } from '../../crud/scope.ts'
import type { Database } from '../../db/database.ts'
import { InvalidValue } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { Moment } from '../../model/moment.ts'
import type { Parameter, Report, ReportInput } from '../../model/report.ts'
import { entityNamed, type System } from '../../model/system.ts'
import type { Section } from '../../output/view.ts'
import type { ReportResult } from '../../reports/run.ts'
import { type Command, defineCommand, type Example } from '../command.ts'
import {
  type Argument,
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
      .map(([name, parameter]) => [name, parameterArgument(parameter)]),
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
    description: report.description,
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
      const place = { system, schema: schemaOf(config, system.name) }
      const request = {
        ...place,
        report,
        parameters: await givenParameters(db, place, report, input),
        ...(isMoment(input.since) ? { since: input.since } : {}),
        ...(isMoment(input.until) ? { until: input.until } : {}),
      }
      return runReport(db, request, context.ui.progress)
    },
    view: (result) => ({ shape: 'sections', sections: sectionsOf(report, result) }),
  })
}

/** The parameters as they were given; a row that is named by its handle, by its key. */
async function givenParameters(
  db: Database,
  place: Omit<Scope, 'entity'>,
  report: Report,
  input: Readonly<Record<string, unknown>>,
): Promise<ReportInput['parameters']> {
  const given: Record<string, string | number | undefined> = {}
  for (const [name, { names }] of Object.entries(report.parameters)) {
    const value = scalar(input[name])
    const entity = names && entityNamed(place.system, names.entity)
    given[name] = typeof value === 'string' && entity ? await keyOf(db, { ...place, entity }, value) : value
  }
  return given
}

async function keyOf(db: Database, scope: Scope, text: string): Promise<string> {
  const { resolveIds } = await import('../../crud/ids.ts')
  const [key = text] = await resolveIds(db, scope, [text])
  return key
}

function parameterArgument({ required, summary, kind }: Parameter): Argument {
  const declared = required ? argument(summary) : optionalArgument(summary)
  return kind === 'uuid' ? { ...declared, parse: uuidText } : declared
}

/** @throws InvalidValue */
function uuidText(raw: string): string {
  const text = raw.trim().toLowerCase()
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text
  throw new InvalidValue('must be a UUID')
}

function parameterFlag(name: string, parameter: Parameter) {
  const metavar = `<${parameter.metavar ?? name.replaceAll('_', '-')}>`
  if (parameter.kind === 'integer') return integer(metavar, parameter.summary)
  if (parameter.kind === 'uuid') return { ...text(metavar, parameter.summary), parse: uuidText }
  return parameter.required ? requiredText(metavar, parameter.summary) : text(metavar, parameter.summary)
}

function examplesOf(system: System, report: Report): [Example, ...Example[]] {
  const values = Object.values(report.parameters)
    .filter((parameter) => parameter.positional)
    .map((parameter) => exampleId(system, parameter))
  const command = [system.name, 'report', report.name, ...values].join(' ')
  if (report.days === undefined) return [{ command, does: 'See it on the terminal' }]
  return [
    { command, does: `The last ${report.days} days` },
    { command: `${command} -o md`, does: 'The same as Markdown, for a document' },
  ]
}

function exampleId(system: System, { names, metavar, kind }: Parameter): string {
  if (kind === 'uuid') return '01a1e427-8205-4c04-9d1b-3f6f6f1c2a77'
  const entity = names && entityNamed(system, names.entity)
  const prefix = entity?.fields[entity.primaryKey]?.idPrefix
  return prefix === undefined ? `<${metavar ?? 'value'}>` : `${prefix}_732640195814096897`
}

function sectionsOf(report: Report, result: ReportResult): Section[] {
  const figures = report.sections.map((section): Section => {
    const rows = result.rows[section.key] ?? []
    const { key, title, columns } = section
    const shown = section.shown === undefined ? {} : { shown: section.shown }
    if (section.shape === 'record') return { kind: 'record', key, title, columns, ...shown, row: rows[0] ?? {} }
    return {
      kind: 'table',
      key,
      title,
      columns,
      ...shown,
      rows,
      ...(section.chart === undefined ? {} : { chart: section.chart }),
      ...(section.empty === undefined ? {} : { empty: section.empty }),
    }
  })
  const advice: Section[] = result.recommendations
    ? [
        {
          kind: 'notes',
          key: 'recommendations',
          title: 'Recommendations',
          lines: result.recommendations,
          empty: 'Nothing stands out.',
        },
      ]
    : []
  return [...aboutSection(report, result), ...figures, ...advice]
}

/** What the figures of a period are about. Without a period the first section says so itself. */
function aboutSection(report: Report, { about }: ReportResult): Section[] {
  if (report.days === undefined) return []
  const parameters = Object.entries(report.parameters)
  const columns = parameters.flatMap(([key, { kind, names }]): Column[] => [
    { key, kind },
    ...(names?.label === undefined ? [] : [{ key: names.label, label: names.entity, kind: 'text' } as const]),
  ])
  const given = columns.filter(({ key }) => about[key] !== null).map(({ key }) => key)
  const everything = parameters.flatMap(([key, { names }]) => (about[key] === null ? (names?.absent ?? []) : []))
  return [
    {
      kind: 'record',
      key: 'about',
      title: [titleOf(report), ...everything].join(', '),
      columns: [...columns, { key: 'since', kind: 'timestamp' }, { key: 'until', kind: 'timestamp' }],
      shown: [...given, 'since', 'until'],
      row: about,
    },
  ]
}

/** `Organization usage`. */
function titleOf({ name }: Report): string {
  const words = name.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function scalar(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function isMoment(value: unknown): value is Moment {
  return typeof value === 'object' && value !== null && 'kind' in value
}
