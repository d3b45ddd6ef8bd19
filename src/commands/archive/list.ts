/** `steward archive list`. */
import type { Batch } from '../../archive/batches.ts'
import type { Column } from '../../model/column.ts'
import { defineCommand } from '../command.ts'
import { nextPageCommand } from '../entity/next-page.ts'
import { type Flag, integerOr, list as listFlag, moment } from '../flags.ts'
import { hasBatches, parseBatch, placeFlags, placeOf } from './batch-input.ts'

/** As `archive/batches.ts` has them, which help need not load. */
const STATES = ['archived', 'cold', 'restored'] as const

const TONES = { archived: 'active', cold: 'idle', restored: 'good' } as const

export const BATCH_COLUMNS: readonly Column[] = [
  { key: 'batch', kind: 'bigint' },
  { key: 'schema', kind: 'text' },
  { key: 'rule', kind: 'text' },
  { key: 'table', kind: 'text' },
  { key: 'state', kind: 'text', tones: TONES },
  { key: 'archived_at', label: 'archived', kind: 'timestamp' },
  { key: 'roots', kind: 'bigint', unit: 'count' },
  { key: 'rows', kind: 'bigint', unit: 'count' },
  { key: 'oldest', kind: 'timestamp' },
  { key: 'newest', kind: 'timestamp' },
  { key: 'where', kind: 'text' },
  { key: 'cold_uri', kind: 'text' },
]

const after: Flag<bigint | undefined> = {
  metavar: '<batch>',
  summary: 'begin after this batch, as the page before printed it',
  parse: parseBatch,
  fallback: undefined,
}

interface Listed {
  readonly batches: readonly Batch[]
  readonly next?: bigint
}

export const list = defineCommand({
  name: 'list',
  aliases: ['ls'],
  summary: 'List archive batches, newest first',
  description:
    'Lists the batches in which aggregates were archived: their rule, how many roots they took, how many rows of them are in the archive now, the ages of the roots, and where the rows lie.',
  examples: [
    { command: 'archive list', does: 'The last batches' },
    {
      command: 'archive list --rule skyvern/finished-tasks --since 30d --state archived',
      does: 'What a rule archived in the last 30 days and is not in files yet',
    },
  ],
  effect: 'read',
  flags: {
    ...placeFlags,
    state: listFlag('<states>', 'only batches in these states', { choices: STATES }),
    since: moment('<time>', 'archived since: 7d (ago) or 2026-11-01'),
    until: moment('<time>', 'archived before'),
    limit: integerOr(20, '<n>', 'batches of a page', { min: 1, max: 10_000 }),
    after,
  },
  async run(context, input): Promise<Listed> {
    const place = await placeOf(context, input)
    if (!(await hasBatches(context))) return { batches: [] }
    const [db, { listBatches }] = await Promise.all([context.db(), import('../../archive/batches.ts')])
    const states = STATES.filter((state) => input.state.includes(state))
    const filter = {
      ...place,
      ...(states.length === 0 ? {} : { states }),
      since: input.since,
      until: input.until,
    }
    const found = await listBatches(db, filter, { after: input.after, limit: input.limit + 1 })
    const batches = found.slice(0, input.limit)
    const last = batches.at(-1)
    return found.length > batches.length && last ? { batches, next: last.batch } : { batches }
  },
  view: ({ batches, next }, _input, { argv }) => ({
    shape: 'table',
    columns: BATCH_COLUMNS,
    shown: BATCH_COLUMNS.map(({ key }) => key).filter((key) => key !== 'cold_uri'),
    rows: batches.map((batch) => ({ ...batch })),
    empty: 'There is no such archive batch.',
    more: () =>
      next === undefined ? undefined : `There are more. Next page: ${nextPageCommand(argv, String(next))}`,
  }),
})
