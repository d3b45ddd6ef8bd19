/** `steward archive show`. */
import type { BatchDetails } from '../../archive/batches.ts'
import type { View } from '../../output/view.ts'
import { defineCommand } from '../command.ts'
import type { Argument } from '../flags.ts'
import { parseBatch } from './batch-input.ts'
import { BATCH_COLUMNS } from './list.ts'

const batch: Argument<bigint> = {
  summary: 'number of the batch',
  parse: parseBatch,
  required: true,
  variadic: false,
}

export const show = defineCommand({
  name: 'show',
  summary: 'Show one archive batch: its rows by table, its files, the run that made it',
  examples: [
    { command: 'archive show 17', does: 'What batch 17 holds' },
    { command: 'archive show 17 --json', does: 'With the digests and columns of each table' },
  ],
  effect: 'read',
  args: { batch },
  async run(context, input) {
    const [db, { showBatch }] = await Promise.all([context.db(), import('../../archive/batches.ts')])
    return showBatch(db, input.batch)
  },
  view: detailsView,
})

function detailsView({ run, tables, detached, ...head }: BatchDetails): View {
  return {
    shape: 'sections',
    title: `Batch ${head.batch}`,
    sections: [
      {
        kind: 'record',
        key: 'head',
        columns: [
          ...BATCH_COLUMNS,
          { key: 'cold_sha256', label: 'SHA-256 of the manifest', kind: 'text' },
          { key: 'exported_at', label: 'exported', kind: 'timestamp' },
          { key: 'released_at', label: 'rows released', kind: 'timestamp' },
          { key: 'files', label: 'files of rows in cold files', kind: 'bigint', unit: 'count' },
        ],
        row: { ...head },
      },
      {
        kind: 'table',
        key: 'tables',
        title: 'Rows in the archive',
        columns: [
          { key: 'table', kind: 'text' },
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
          { key: 'digest', kind: 'numeric' },
          { key: 'columns', kind: 'textArray' },
        ],
        shown: ['table', 'rows', 'bytes', 'digest'],
        rows: tables.map((table) => ({ ...table })),
        empty: 'No table is recorded.',
      },
      {
        kind: 'table',
        key: 'detached',
        title: 'References to put back',
        columns: [
          { key: 'table', kind: 'text' },
          { key: 'constraint', kind: 'text' },
          { key: 'references', kind: 'bigint', unit: 'count' },
        ],
        rows: detached.map((one) => ({ ...one })),
        empty: 'None was let go of.',
      },
      {
        kind: 'record',
        key: 'run',
        title: 'Made by',
        columns: [
          { key: 'run', kind: 'bigint' },
          { key: 'command', kind: 'text' },
          { key: 'os_user', label: 'user', kind: 'text' },
          { key: 'host', kind: 'text' },
          { key: 'started_at', label: 'started', kind: 'timestamp' },
          { key: 'outcome', kind: 'text' },
        ],
        row: run === null ? {} : { ...run },
      },
    ],
  }
}
