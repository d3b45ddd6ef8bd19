/** `steward seed clear`. */
import { schemaOf } from '../../config/config.ts'
import type { Transaction } from '../../db/database.ts'
import { counted } from '../../output/counted.ts'
import type { Section } from '../../output/view.ts'
import type { ClearPlan } from '../../seeds/clear-plan.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { argument } from '../flags.ts'
import { definitionOf, SYSTEMS, seedTarget } from './systems.ts'

/** Ids of rows by hand that a plan names; the others are counted. */
const NAMED = 20

interface Planned {
  readonly system: string
  readonly plan: ClearPlan | undefined
}

export const clear = defineDestroyCommand({
  name: 'clear',
  summary: 'Remove what seeding made',
  description:
    'Removes the seeded rows and their files, and the rows that were added below them since; those are named in the plan. Also cleans up after an interrupted seed run.',
  examples: [
    { command: 'seed clear skyvern --dry-run', does: 'See what would go' },
    { command: 'seed clear skyvern', does: 'Remove it, after a question' },
  ],
  args: { system: argument('system to clear', SYSTEMS) },
  async plan(context, { system }): Promise<Planned> {
    const [definition, { db, schema }, { planClear }] = await Promise.all([
      definitionOf(system),
      seedTarget(context, system),
      import('../../seeds/clear-plan.ts'),
    ])
    return { system, plan: await planClear(db, definition, schema) }
  },
  planView: ({ plan }) => ({ shape: 'sections', sections: plan === undefined ? [] : planSections(plan) }),
  nothing: ({ system, plan }) => (plan === undefined ? `No seed data of ${system} is there.` : undefined),
  action: ({ system, plan }) => {
    const byHand = plan === undefined ? 0 : sum(plan, 'byHand')
    const along = byHand === 0 ? '' : ` and ${counted(byHand, 'row')} that seeding did not make`
    return `Delete ${counted(plan === undefined ? 0 : sum(plan, 'seeded'), 'seeded row')} of ${system}${along}`
  },
  apply: applyPlan,
  view: ({ rows, filesRemoved }) => ({
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'tables',
        columns: [
          { key: 'table', kind: 'text' },
          { key: 'deleted', kind: 'integer', unit: 'count' },
        ],
        rows: [...rows].map(([table, deleted]) => ({ table, deleted })),
        empty: 'Nothing was deleted.',
      },
      {
        kind: 'record',
        key: 'files',
        columns: [{ key: 'removed', label: 'files removed', kind: 'integer', unit: 'count' }],
        row: { removed: filesRemoved },
      },
    ],
  }),
})

async function applyPlan(context: Context, { system }: { readonly system: string }, { plan }: Planned) {
  const [{ applyClear }, { FileStore }, { journalRun }, definition] = await Promise.all([
    import('../../seeds/clear.ts'),
    import('../../storage/file-store.ts'),
    import('../../db/journal.ts'),
    definitionOf(system),
  ])
  if (plan === undefined) return { rows: new Map<string, number>(), filesRemoved: 0 }
  const [config, db, declared] = await Promise.all([
    context.config(),
    context.db(),
    systems.find(({ name }) => name === system)?.load(),
  ])
  const schema = schemaOf(config, system)
  const store = config.stores.find(({ url }) => url.startsWith('file:'))
  const request = {
    definition,
    schema,
    store: store && new FileStore(store),
    entities: declared?.entities ?? [],
    onByHand: (tx: Transaction, table: string, ids: readonly string[]) => auditRows(context, tx, system, table, ids),
  }
  const { command, argv, actor, ui, signal } = context
  const { size, seed } = plan.set.parameters
  const record = { command, argv, actor, plan: { system, schema, size, seed, by_hand: sum(plan, 'byHand') } }
  return journalRun(db, record, async () => {
    const value = await applyClear(db, request, plan, { onProgress: ui.progress, signal })
    return { value, counts: { rows: Object.fromEntries(value.rows), files: value.filesRemoved } }
  })
}

/** Rows that someone made go into the audit log before they are deleted; seeded ones can be made again. */
async function auditRows(
  context: Context,
  tx: Transaction,
  system: string,
  table: string,
  ids: readonly string[],
): Promise<void> {
  const [{ recordAudit }, { auditEntry }, { keyIn }, { identifier, sql }, declared, config] = await Promise.all([
    import('../../db/audit.ts'),
    import('../../crud/audited.ts'),
    import('../../crud/missing.ts'),
    import('../../model/sql.ts'),
    systems.find(({ name }) => name === system)?.load(),
    context.config(),
  ])
  const entity = declared?.entities.find((one) => one.table === table)
  if (declared === undefined || entity === undefined) return
  const scope = { system: declared, entity, schema: schemaOf(config, system) }
  const rows = await tx.rows(sql`SELECT * FROM ${identifier(scope.schema, table)} WHERE ${keyIn(scope, ids)}`)
  const { command, argv, actor, globals } = context
  const who = { command, argv, ...actor, reason: globals.reason }
  await recordAudit(
    tx,
    who,
    rows.map((row) => auditEntry(scope, 'delete', row, null)),
  )
}

function planSections(plan: ClearPlan): Section[] {
  const along = plan.tables.filter(({ byHand }) => byHand.length > 0)
  return [
    {
      kind: 'table',
      key: 'tables',
      title: 'Rows that go',
      columns: [
        { key: 'table', kind: 'text' },
        { key: 'seeded', kind: 'integer', unit: 'count' },
        { key: 'by_hand', label: 'not seeded', kind: 'integer', unit: 'count' },
      ],
      rows: plan.tables.map(({ table, seeded, byHand }) => ({ table, seeded, by_hand: byHand.length })),
    },
    ...(along.length === 0
      ? []
      : [
          {
            kind: 'notes' as const,
            key: 'not_seeded',
            title: 'Rows that seeding did not make and that go along',
            lines: along.flatMap(({ table, byHand }) => [
              ...byHand.slice(0, NAMED).map((id) => `${table} ${id}`),
              ...(byHand.length > NAMED ? [`${table}: and ${byHand.length - NAMED} more`] : []),
            ]),
          },
        ]),
    ...(plan.detached.length === 0
      ? []
      : [
          {
            kind: 'notes' as const,
            key: 'detached',
            title: 'Rows that stay and lose a reference',
            lines: plan.detached.map(({ table, column, rows }) => `${counted(rows, 'row')} of ${table}: ${column}`),
          },
        ]),
  ]
}

function sum(plan: ClearPlan, which: 'seeded' | 'byHand'): number {
  return plan.tables.reduce((total, table) => total + (which === 'seeded' ? table.seeded : table.byHand.length), 0)
}
