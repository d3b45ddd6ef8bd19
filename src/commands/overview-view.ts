/** The overview of `status` and `quickstart` as sections. */
import type { TableFigures } from '../inspect/overview.ts'
import type { MigrationStatus } from '../migrations/status.ts'
import type { Column } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { entityNamed, type System } from '../model/system.ts'
import type { Section, View } from '../output/view.ts'
import { backlogInShort, backlogSection, dueStep } from './backlog.ts'
import type { Overview } from './overview.ts'

/**
 * The overview as sections; the last one says what to do next. People get one screen: with several systems in the
 * database the tables are left out, and the states of each system's work stand in one line.
 *
 * @param full every section, as machines get it
 */
export function overviewView(overview: Overview, full: boolean): View {
  const { connection, tables, migrations, due } = overview
  const present = overview.systems.filter(({ name }) => tables.some(({ system }) => system === name))
  const short = !full && present.length > 1
  const sections: Section[] = [
    {
      kind: 'record',
      key: 'connection',
      title: 'Database',
      columns: [
        { key: 'server', kind: 'text' },
        { key: 'database', kind: 'text' },
        { key: 'user', kind: 'text' },
        { key: 'profile', kind: 'text' },
        { key: 'environment', kind: 'text', tones: { production: 'bad', staging: 'active' } },
        { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      ],
      row: connection,
    },
    {
      kind: 'table',
      key: 'systems',
      title: 'Systems',
      columns: [
        { key: 'system', kind: 'text' },
        { key: 'migrations', kind: 'text' },
        { key: 'tables', kind: 'integer' },
        { key: 'rows', kind: 'bigint', unit: 'count' },
        { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
      ],
      rows: overview.systems.map((system) => systemRow(system, tables, migrations)),
    },
    ...(short
      ? [outcomesInShort(present, overview)]
      : [
          tableSection(tables, present.length > 1),
          ...overview.systems.flatMap((system) => outcomeSection(system, overview)),
        ]),
    short ? backlogInShort(overview.backlog) : backlogSection(overview.backlog),
    {
      kind: 'record',
      key: 'due',
      title: 'Maintenance due',
      columns: [
        { key: 'vacuum', label: 'tables to vacuum', kind: 'integer' },
        { key: 'analyze', label: 'tables to analyze', kind: 'integer' },
        { key: 'reindex', label: 'indexes to rebuild', kind: 'integer' },
      ],
      row: due,
    },
    { kind: 'notes', key: 'next', title: 'Next', lines: nextSteps(overview, short) },
  ]
  return { shape: 'sections', sections }
}

function tableSection(tables: readonly TableFigures[], several: boolean): Section {
  return {
    kind: 'table',
    key: 'tables',
    title: 'Tables',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'table', kind: 'text' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'estimated', label: 'estimated', kind: 'boolean' },
      { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
    ],
    shown: [
      ...(several ? ['system'] : []),
      'table',
      'rows',
      ...(tables.some((table) => table.estimated) ? ['estimated'] : []),
      'bytes',
    ],
    rows: tables.map((table) => ({ ...table })),
    empty: 'No table of a known system is here yet.',
  }
}

/** A line for each system: what it works on, and how that fared, the commonest outcome first. */
function outcomesInShort(present: readonly System[], { outcomes, outcomeDays: days }: Overview): Section {
  return {
    kind: 'table',
    key: 'outcomes',
    title: `Work of the last ${days} days`,
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'work', kind: 'text' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'states', kind: 'text' },
    ],
    rows: present.flatMap((system) => {
      const own = outcomes.filter((outcome) => outcome.system === system.name)
      if (own.length === 0) return []
      return {
        system: system.name,
        work: entityNamed(system, system.overview.entity)?.plural ?? system.overview.entity,
        rows: own.reduce((sum, { rows }) => sum + rows, 0n),
        states: own
          .toSorted((a, b) => b.share - a.share)
          .map(({ state, share }) => `${state} ${Math.round(share)}%`)
          .join(', '),
      }
    }),
    empty: 'None.',
  }
}

function systemRow(system: System, tables: readonly TableFigures[], migrations: readonly MigrationStatus[]) {
  const own = tables.filter((table) => table.system === system.name)
  const steps = migrations.filter((migration) => migration.system === system.name)
  const applied = steps.filter((migration) => migration.condition === 'applied').length
  const rest = steps.length - applied
  return {
    system: system.name,
    migrations: steps.length === 0 ? null : `${applied} applied${rest === 0 ? '' : `, ${rest} to look at`}`,
    tables: own.length,
    rows: own.reduce((sum, table) => sum + (table.rows ?? 0n), 0n),
    bytes: own.reduce((sum, table) => sum + table.bytes, 0n),
  }
}

function outcomeSection(system: System, { outcomes, outcomeDays: days }: Overview): Section[] {
  const own = outcomes.filter((outcome) => outcome.system === system.name)
  if (own.length === 0) return []
  const entity = entityNamed(system, system.overview.entity)
  return [
    {
      kind: 'table',
      key: `${system.name}_outcomes`,
      title: `${system.title}: ${entity?.plural ?? ''} of the last ${days} days`,
      columns: [
        { key: 'state', kind: 'text', tones: stateTones(entity) },
        { key: 'rows', kind: 'bigint', unit: 'count' },
        { key: 'share', kind: 'float', unit: 'percent' },
      ],
      rows: own.map(({ state, rows, share }) => ({ state, rows, share })),
      chart: { kind: 'bars', x: 'state', y: ['rows'], instead: true },
    },
  ]
}

/** What the states of an entity mean at a glance, as it declares them. */
function stateTones(entity: Entity | undefined): NonNullable<Column['tones']> {
  return (entity?.lifecycle && entity.fields[entity.lifecycle.field]?.tones) ?? {}
}

/** `skyvern task list --status failed,terminated --since 7d`; undefined where no state is a bad one. */
function badOnes(system: System): string | undefined {
  const entity = entityNamed(system, system.overview.entity)
  const bad = Object.entries(stateTones(entity)).filter(
    ([state, tone]) => tone === 'bad' && entity?.lifecycle?.states[state],
  )
  if (!entity?.lifecycle || bad.length === 0) return undefined
  const states = bad.map(([state]) => state).join(',')
  return `${system.name} ${entity.name} list --${entity.lifecycle.field.replaceAll('_', '-')} ${states} --since 7d`
}

/** @param short one system stands for all where the command is the same but for the names */
function nextSteps(
  { systems: loaded, tables, migrations, due, backlog, connection }: Overview,
  short: boolean,
): string[] {
  if (migrations.some((migration) => migration.condition !== 'applied')) {
    return ['steward migrate status   see what is pending', 'steward migrate up       apply it']
  }
  const empty = loaded.filter((system) =>
    tables.filter((table) => table.system === system.name).every((table) => table.rows === 0n),
  )
  if (empty.length > 0 && connection.environment === 'development') {
    return [...empty.map((system) => `steward seed run ${system.name}   fill it with demo data`), ...dueStep(backlog)]
  }
  const lines = loaded.flatMap((system) => {
    const bad = badOnes(system)
    return bad === undefined ? [] : [`steward ${bad}   what went wrong lately`]
  })
  const names = loaded.map(({ name }) => name).join('|')
  const jobs = Object.entries(due).filter(([, count]) => count > 0)
  return [
    ...(short ? lines.slice(0, 1).map((line) => `${line}; so for each system`) : lines),
    `steward ${names} --help   everything there is to do`,
    'steward report list   questions it can answer',
    ...dueStep(backlog),
    ...jobs.map(([job]) => `steward maintain ${job} --dry-run   what needs it, and why`),
  ]
}
