/** What of a view is shown: `--fields` and `--reveal` choose columns, `--section` a part of a report. */
import { UsageError } from '../errors.ts'
import type { Column } from '../model/column.ts'
import { nearest } from '../model/nearest.ts'
import type { RecordSection, Section, SectionsView, TableSection } from './view.ts'

export interface Selection {
  /** Keys asked for with `--fields`, in order; undefined for the view's own choice. */
  readonly fields?: readonly string[] | undefined
  /** Keys of secret columns to show (`--reveal`). */
  readonly reveal: readonly string[]
}

/**
 * The columns to print. Secret ones are left out unless revealed by name.
 *
 * @param shown the view's own choice where `--fields` is absent
 * @throws UsageError naming every unknown or secret field at once
 */
export function chosenColumns(
  columns: readonly Column[],
  { fields, reveal }: Selection,
  shown?: readonly string[],
): Column[] {
  const open = columns.filter((column) => !column.secret || reveal.includes(column.key))
  if (fields === undefined) {
    // What was revealed is wanted, also where the short table would not have it.
    return shown === undefined
      ? open
      : open.filter(({ key }) => shown.includes(key) || reveal.includes(key)).sort(by(shown))
  }
  const names = open.map((column) => column.key)
  const chosen: Column[] = []
  const problems: { where: string; reason: string }[] = []
  for (const name of new Set(fields)) {
    const column = open.find(({ key }) => key === name)
    if (column) chosen.push(column)
    else problems.push({ where: '--fields', reason: refusal(name, columns, names) })
  }
  if (problems.length > 0) {
    throw new UsageError({
      code: 'unknown-field',
      message: problems.length === 1 ? 'A field cannot be shown' : `${problems.length} fields cannot be shown`,
      hint: `Fields: ${names.join(', ')}`,
      problems,
    })
  }
  return chosen
}

/** Orders by the view's own list; what is not in it stays at the end. */
function by(shown: readonly string[]) {
  const place = ({ key }: Column) => (shown.includes(key) ? shown.indexOf(key) : shown.length)
  return (a: Column, b: Column) => place(a) - place(b)
}

function refusal(name: string, columns: readonly Column[], legal: readonly string[]): string {
  if (columns.some(({ key }) => key === name)) return `${name} is secret; add --reveal ${name} to see it`
  const near = nearest(name, legal)
  return `there is no field ${name}${near === undefined ? '' : `; did you mean ${near}?`}`
}

/**
 * The one section that was asked for.
 *
 * @throws UsageError listing the sections when there is none of that name
 */
export function namedSection(view: SectionsView, name: string): Section {
  const found = view.sections.find(({ key }) => key === name)
  if (found) return found
  const keys = view.sections.map(({ key }) => key)
  const near = nearest(name, keys)
  throw new UsageError({
    code: 'unknown-section',
    message: `There is no section ${name}${near === undefined ? '' : `; did you mean ${near}?`}`,
    hint: `Sections: ${keys.join(', ')}`,
  })
}

/**
 * The only table among the sections, or without any the only record, for formats and options that know one table only.
 *
 * @param what e.g. `CSV`; begins the message
 * @throws UsageError naming the sections to choose from
 */
export function onlyTable(view: SectionsView, what: string): TableSection | RecordSection {
  const [table, second] = view.sections.filter((section) => section.kind === 'table')
  if (table && !second) return table
  const [record, another] = view.sections.filter((section) => section.kind === 'record')
  if (!table && record && !another) return record
  throw new UsageError({
    code: 'section-needed',
    message: `${what} takes one table, and this has several sections`,
    hint: `Choose one with --section: ${view.sections.map(({ key }) => key).join(', ')}`,
  })
}
