/** Removing rows with everything that depends on them: what `delete`, and where rows are marked `delete --purge`, does. */
import type { Consequence } from '../../crud/consequences.ts'
import type { Deleted, DeletePlan } from '../../crud/delete.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Section, View } from '../../output/view.ts'
import type { Context } from '../command.ts'
import { actorOf } from './actor.ts'
import { consequenceSections, noteConsequences } from './consequence-view.ts'
import { entityScope, spoken } from './entity-scope.ts'

const ROWS: readonly Column[] = [
  { key: 'table', kind: 'text' },
  { key: 'rows', kind: 'bigint', unit: 'count' },
]
const KEYS: readonly Column[] = [
  { key: 'table', kind: 'text' },
  { key: 'column', kind: 'text' },
  { key: 'rows', kind: 'bigint', unit: 'count' },
]
const FILES: readonly Column[] = [
  { key: 'files', kind: 'bigint', unit: 'count' },
  { key: 'bytes', kind: 'bigint', unit: 'bytes' },
]
const DONE: readonly Column[] = [
  { key: 'deleted', kind: 'bigint', unit: 'count' },
  { key: 'files_due', kind: 'integer', unit: 'count', label: 'files due for deletion' },
]

export interface Removal extends DeletePlan {
  readonly dependents: bigint
  /** What happens to rows that stay. */
  readonly consequences: readonly Consequence[]
}

export async function planRemoval(
  context: Context,
  system: System,
  entity: Entity,
  ids: readonly string[],
): Promise<Removal> {
  const { dependents, planDelete, rehearseDelete } = await import('../../crud/delete.ts')
  const [db, scope] = await Promise.all([context.db(), entityScope(context, system, entity)])
  const plan = await planDelete(db, scope, ids)
  const consequences = await rehearseDelete(db, scope, plan, actorOf(context))
  return { ...plan, dependents: dependents(plan), consequences }
}

export async function applyRemoval(
  context: Context,
  system: System,
  entity: Entity,
  plan: Removal,
): Promise<Deleted> {
  const { applyDelete } = await import('../../crud/delete.ts')
  const scope = await entityScope(context, system, entity)
  const deleted = await applyDelete(await context.db(), scope, plan, actorOf(context))
  noteConsequences(context, deleted.consequences)
  return deleted
}

/** `Delete task tsk_1 and 41 rows that depend on it`. @param verb with a capital letter */
export function removalAction(entity: Entity, verb: string, { ids, dependents }: Removal): string {
  const named = ids.length === 1 ? `${spoken(entity.name)} ${ids[0]}` : `${ids.length} ${spoken(entity.plural)}`
  const more = `${dependents.toLocaleString('en')} ${dependents === 1n ? 'row that depends' : 'rows that depend'}`
  return `${verb} ${named}${dependents === 0n ? '' : ` and ${more} on ${ids.length === 1 ? 'it' : 'them'}`}`
}

export function removedView({ deleted, files }: Deleted): View {
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'record',
        key: 'summary',
        title: 'Deleted',
        columns: DONE,
        row: { deleted: deleted.reduce((sum, { rows }) => sum + rows, 0n), files_due: files },
      },
      { kind: 'table', key: 'tables', columns: ROWS, rows: deleted.map(({ table, rows }) => ({ table, rows })) },
    ],
  }
}

export function removalView({ counts, files, consequences }: Removal, noun: string): View {
  const sections: Section[] = [
    { kind: 'table', key: 'deleted', title: 'Deleted', columns: ROWS, rows: counts.deleted.map(asRow) },
  ]
  if (counts.detached.length > 0) {
    sections.push({
      kind: 'table',
      key: 'detached',
      title: `Detached: kept, without their ${noun}`,
      columns: KEYS,
      rows: counts.detached.map((one) => ({ ...asRow(one), column: one.columns.join(', ') })),
    })
  }
  if (files.files > 0n) {
    sections.push({
      kind: 'record',
      key: 'files',
      title: 'Files due for deletion',
      columns: FILES,
      row: { ...files },
    })
  }
  sections.push(...consequenceSections(consequences))
  return { shape: 'sections', title: 'What this takes along', sections }
}

function asRow({ table, rows }: { readonly table: string; readonly rows: bigint }): Cells {
  return { table, rows }
}
