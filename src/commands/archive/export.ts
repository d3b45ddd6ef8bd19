/** `steward archive export`. */
import type { DueBatch } from '../../archive/cold/due.ts'
import type { ExportResult } from '../../archive/cold/export.ts'
import { COLD_FORMATS } from '../../config/config.ts'
import { refuseInterval } from '../../config/values.ts'
import { type ExitCode, InvalidValue, type Json, UsageError } from '../../errors.ts'
import { counted } from '../../output/counted.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { duration, type Flag, list, text, toggle, variadicArgument } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { type ColdTarget, coldTarget, filedTables, isToBeMade, makeRoot } from './cold-store.ts'

const age: Flag<string | undefined> = {
  metavar: '<age>',
  summary: 'only batches archived longer ago: 30 days (default: archive.cold.after of the profile, else all)',
  fallback: undefined,
  parse(raw) {
    const reason = refuseInterval(raw)
    if (reason !== undefined) throw new InvalidValue(reason)
    return raw
  },
}

interface Planned {
  readonly target: ColdTarget
  readonly batches: readonly (DueBatch & { readonly uri: string })[]
  readonly keepRows: boolean
}

interface Done {
  readonly result: ExportResult
  readonly exitCode: ExitCode
}

export const exportCommand = defineDestroyCommand({
  name: 'export',
  summary: 'Write archived batches to files in a store, and let their rows go',
  description:
    'Writes each batch whose rows lie in the archive tables to compressed files: COPY text that psql loads, and Parquet for analysis, with a manifest of hashes. Everything is read back and compared before a row is deleted, and what is deleted is compared once more. archive restore loads the files again, archive verify checks them. A run that is stopped or killed loses nothing; the next one goes on.',
  examples: [
    { command: 'archive export --dry-run', does: 'Which batches are due, and where they would go' },
    {
      command: "archive export --store cold --older-than '30 days' --yes",
      does: 'What was archived a month ago or earlier, for cron',
    },
    {
      command: 'archive export 17 18 --formats parquet --keep-rows',
      does: 'Two batches for analysis, rows left alone',
    },
  ],
  args: {
    batches: variadicArgument('batches by number; all that are old enough when absent', { required: false }),
  },
  flags: {
    store: text('<name>', 'store of the profile to write to (default: archive.cold.store, else the only one)'),
    olderThan: age,
    formats: list('<formats>', 'copy, parquet or both (default: archive.cold.formats, else both)', {
      choices: COLD_FORMATS,
    }),
    keepRows: toggle('write and verify the files, and leave the rows in the archive tables'),
    runTime: duration('<duration>', 'end after this long, between two batches (exit 9 with work left)'),
  },
  asks: ({ keepRows }) => !keepRows,
  async plan(context, input): Promise<Planned> {
    const ids = batchIds(input.batches)
    if (ids.length > 0 && input.olderThan !== undefined) throw bothGiven()
    const [config, db, { dueBatches, namedBatches }, { expectLoadable }, { batchFolder, MANIFEST }, { openStores }] =
      await Promise.all([
        context.config(),
        context.db(),
        import('../../archive/cold/due.ts'),
        import('../../archive/cold/export.ts'),
        import('../../archive/cold/names.ts'),
        import('../../storage/open.ts'),
      ])
    const target = coldTarget(config, input)
    expectLoadable({ formats: target.formats, keepRows: input.keepRows })
    const stores = openStores(config.stores, { signal: context.signal })
    try {
      const store = stores.named(target.store)
      const batches = ids.length > 0 ? await namedBatches(db, ids) : await dueBatches(db, target)
      const uriOf = (batch: DueBatch) =>
        store.uriOf(`${batchFolder({ ...batch, database: db.database })}/${MANIFEST}`)
      const [first] = batches
      // A store that cannot be reached is told once, with what to do about it, before anything is asked or done.
      if (first !== undefined && !(await isToBeMade(config, store))) await store.stat(uriOf(first))
      return { target, keepRows: input.keepRows, batches: batches.map((batch) => ({ ...batch, uri: uriOf(batch) })) }
    } finally {
      await stores.close()
    }
  },
  planView: ({ batches }) => ({
    shape: 'table',
    columns: [
      { key: 'id', label: 'batch', kind: 'bigint' },
      { key: 'schema', kind: 'text' },
      { key: 'rule', kind: 'text' },
      { key: 'archivedAt', label: 'archived', kind: 'timestamp' },
      { key: 'roots', kind: 'bigint', unit: 'count' },
      { key: 'rows', kind: 'bigint', unit: 'count' },
      { key: 'uri', label: 'manifest', kind: 'text' },
    ],
    rows: batches.map((batch) => ({ ...batch })),
  }),
  nothing: ({ batches, target }) => (batches.length > 0 ? undefined : nothingDue(target)),
  action: ({ batches, target, keepRows }) => {
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0n)
    const what = `${counted(batches.length, 'batch', 'batches')} (${counted(rows, 'row', 'rows')}) to ${target.store}`
    return keepRows ? `Write ${what}` : `Export ${what} and delete the rows from the archive tables`
  },
  async apply(context, { runTime }, planned): Promise<Done> {
    const { batches, target, keepRows } = planned
    const plan: Json = {
      batches: batches.map(({ id }) => String(id)),
      store: target.store,
      formats: target.formats,
      keepRows,
    }
    const options = { schemas: [...new Set(batches.map(({ schema }) => schema))], runTimeMs: runTime, plan }
    const [config, { exportBatches }, { openStores }, filed] = await Promise.all([
      context.config(),
      import('../../archive/cold/export.ts'),
      import('../../storage/open.ts'),
      allFiledTables(context),
    ])
    return governed(context, options, async (run) => {
      const stores = openStores(config.stores, { signal: run.signal })
      try {
        const ids = batches.map(({ id }) => id)
        const store = stores.named(target.store)
        if (await isToBeMade(config, store)) await makeRoot(store)
        const result = await exportBatches(run.db, ids, store, run, { formats: target.formats, keepRows, filed })
        const exitCode = exitCodeOfJobs([result], context.signal)
        const counts = { batches: result.batches, rows: String(result.rows), bytes: String(result.bytes) }
        const reason = [...result.failures, result.why].join('; ')
        return { value: { result, exitCode }, counts, exitCode, reason }
      } finally {
        await stores.close()
      }
    })
  },
  view: ({ result }) => ({
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'batches',
        columns: [
          { key: 'batchId', label: 'batch', kind: 'bigint' },
          { key: 'outcome', kind: 'text', tones: TONES },
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
          { key: 'uri', label: 'manifest', kind: 'text' },
          { key: 'reason', kind: 'text' },
        ],
        rows: result.exported.map((batch) => ({ uri: null, reason: null, ...batch })),
        empty: 'No batch was exported.',
      },
      {
        kind: 'record',
        key: 'run',
        columns: [
          { key: 'batches', kind: 'integer', unit: 'count' },
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
          { key: 'why', label: 'ended because', kind: 'text' },
        ],
        row: { batches: result.batches, rows: result.rows, bytes: result.bytes, why: result.why },
      },
    ],
  }),
  exitCode: ({ exitCode }) => exitCode,
})

const TONES = { exported: 'good', written: 'good', unchanged: 'idle', skipped: 'idle', failed: 'bad' } as const

function batchIds(words: readonly string[]): bigint[] {
  const wrong = words.filter((word) => !/^\d{1,18}$/.test(word))
  if (wrong.length === 0) return words.map(BigInt)
  throw new UsageError({
    code: 'invalid-input',
    message: 'Batches are named by their numbers',
    hint: 'steward archive list shows them',
    problems: wrong.map((word) => ({ where: word, reason: 'is no number of a batch' })),
  })
}

function bothGiven(): UsageError {
  return new UsageError({
    code: 'invalid-input',
    message: '--older-than and the numbers of batches contradict each other',
    hint: 'Name batches, or give an age',
  })
}

async function allFiledTables(context: Context) {
  const [config, { filesOf }, loaded] = await Promise.all([
    context.config(),
    import('../../archive/selection.ts'),
    Promise.all(systems.map((entry) => entry.load())),
  ])
  return filedTables(config, loaded, filesOf)
}

function nothingDue({ olderThan }: ColdTarget): string {
  const old = olderThan === undefined ? '' : ` that was archived more than ${olderThan} ago`
  return `No batch${old} lies in the archive tables; nothing to do.`
}
