/** What a change does to other rows, in its plan and in what is said afterwards. */
import type { Consequence } from '../../crud/consequences.ts'
import type { Column } from '../../model/column.ts'
import type { Section } from '../../output/view.ts'
import type { Context } from '../command.ts'
import { spoken } from './entity-scope.ts'

const COLUMNS: readonly Column[] = [
  { key: 'rows', kind: 'integer', unit: 'count' },
  { key: 'entity', kind: 'text' },
  { key: 'change', kind: 'text' },
]

/**
 * A section for the plan; none when nothing else changes.
 *
 * @param of rows that the counts are about, where they are not all of the plan
 */
export function consequenceSections(consequences: readonly Consequence[], of?: number): Section[] {
  if (consequences.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'consequences',
      title: of === undefined ? 'What happens with it' : `What happens with the first ${of.toLocaleString('en')}`,
      columns: COLUMNS,
      rows: consequenceRows(consequences),
    },
  ]
}

/** A row for each, in the words of the plan. */
export function consequenceRows(
  consequences: readonly Consequence[],
): { readonly rows: number; readonly entity: string; readonly change: string }[] {
  return consequences.map((one) => ({
    rows: one.rows,
    entity: spoken(one.rows === 1 ? one.entity.name : one.entity.plural),
    change: changeOf(one),
  }))
}

/** Said after the change. */
export function noteConsequences({ ui }: Context, consequences: readonly Consequence[]): void {
  if (consequences.length === 0) return
  const parts = consequences.map((one) => {
    const { entity, rows } = one
    return `${rows.toLocaleString('en')} ${spoken(rows === 1 ? entity.name : entity.plural)} ${changeOf(one)}`
  })
  ui.note(`With it: ${parts.join('; ')}.`)
}

function changeOf({ rows, becomes, fields, verb }: Consequence): string {
  if (becomes !== undefined) return `${rows === 1 ? 'becomes' : 'become'} ${becomes} (${verb})`
  if (fields !== undefined) return `${rows === 1 ? 'gets' : 'get'} ${fields.join(', ')}`
  return rows === 1 ? 'is created' : 'are created'
}
