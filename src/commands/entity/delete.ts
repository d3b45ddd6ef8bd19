import type { Deleted, DeletePlan } from '../../crud/delete.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Section, View } from '../../output/view.ts'
import { type Command, defineDestroyCommand } from '../command.ts'
import { variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

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

interface Planned extends DeletePlan {
  readonly dependents: bigint
}

/** `steward <system> <entity> delete`. */
export function deleteCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'delete')
  const noun = spoken(entity.name)
  return defineDestroyCommand({
    name: 'delete',
    aliases: ['rm'],
    summary: `Delete ${spoken(entity.plural)} with everything that depends on them`,
    description:
      `Shows every row that goes along, table by table, what is detached and which files become due for deletion; ` +
      `then deletes exactly that, or nothing when more has been added meanwhile.`,
    examples: [
      { command: `${words} ${exampleId(entity)} --dry-run`, does: 'What it would take along' },
      { command: `${words} ${exampleId(entity)} --yes`, does: 'Without a question, outside production' },
    ],
    args: { id: variadicArgument(`ids of the ${spoken(entity.plural)}`, { required: true }) },
    async plan(context, input): Promise<Planned> {
      const { dependents, planDelete } = await import('../../crud/delete.ts')
      const scope = await entityScope(context, system, entity)
      const plan = await planDelete(await context.db(), scope, input.id)
      return { ...plan, dependents: dependents(plan) }
    },
    planView: (plan) => planView(plan, noun),
    action: ({ ids, dependents }) => {
      const named = ids.length === 1 ? `${noun} ${ids[0]}` : `${ids.length} ${spoken(entity.plural)}`
      const more = `${dependents.toLocaleString('en')} ${dependents === 1n ? 'row that depends' : 'rows that depend'}`
      return `Delete ${named}${dependents === 0n ? '' : ` and ${more} on ${ids.length === 1 ? 'it' : 'them'}`}`
    },
    async apply(context, _input, plan): Promise<Deleted> {
      const { applyDelete } = await import('../../crud/delete.ts')
      const scope = await entityScope(context, system, entity)
      return applyDelete(await context.db(), scope, plan, actorOf(context))
    },
    view: ({ deleted, files }) => ({
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
    }),
  })
}

function planView({ counts, files }: DeletePlan, noun: string): View {
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
  return { shape: 'sections', title: 'What this takes along', sections }
}

function asRow({ table, rows }: { readonly table: string; readonly rows: bigint }): Cells {
  return { table, rows }
}
