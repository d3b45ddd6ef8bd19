/** `steward archive verify`. */

import type { Verified } from '../../archive/verify.ts'
import { ExitCode, UsageError } from '../../errors.ts'
import type { View } from '../../output/view.ts'
import { systems } from '../../systems/registry.ts'
import { type Context, defineCommand } from '../command.ts'
import { type Argument, integer, toggle } from '../flags.ts'
import { hasBatches, parseBatch, placeFlags } from './batch-input.ts'

const batches: Argument<readonly bigint[]> = {
  summary: 'numbers of batches; all that are in the archive tables when absent',
  parse: parseBatch,
  required: false,
  variadic: true,
}

export const verify = defineCommand({
  name: 'verify',
  summary: 'Check that the archive still holds what was put into it',
  description:
    'Reads the archived rows and compares their number and digest with what was recorded when they were archived; finds rows that belong to no batch, tables that are gone, and rows that are archived and in their table as well. With --all, or when a batch is named, the cold files are read to their end too. Exit code 10 when anything is found.',
  examples: [
    { command: 'archive verify', does: 'Every archive table' },
    { command: 'archive verify --all', does: 'And every cold file' },
    { command: 'archive verify 17 18', does: 'Two batches, wherever they are' },
    { command: 'archive verify --all --sample 20', does: 'Twenty batches at random, for cron' },
  ],
  effect: 'read',
  args: { batches },
  flags: {
    system: placeFlags.system,
    all: toggle('read cold files as well'),
    sample: integer('<n>', 'only so many batches, chosen at random', { min: 1 }),
  },
  async run(context, input) {
    if (input.batches.length > 0 && (input.sample !== undefined || input.system.length > 0)) throw named()
    if (!(await hasBatches(context))) return NOTHING
    const [config, db, { verifyArchive }, { requireBatches }] = await Promise.all([
      context.config(),
      context.db(),
      import('../../archive/verify.ts'),
      import('../../archive/batches.ts'),
    ])
    const wanted = input.batches.length > 0 ? await requireBatches(db, input.batches) : undefined
    const schemas =
      wanted === undefined ? await schemasOf(context, input.system) : [...new Set(wanted.map(({ schema }) => schema))]
    const readsFiles = input.all || wanted !== undefined
    const { openStores } = await import('../../storage/open.ts')
    const stores = openStores(readsFiles ? config.stores : [], { signal: context.signal })
    const cold = async (batch: bigint) => {
      const { verifyCold } = await import('../../archive/cold/verify.ts')
      const { findings } = await verifyCold(db, batch, stores)
      return findings.map(({ uri, reason }) => `${uri}: ${reason}`)
    }
    try {
      return await verifyArchive(db, {
        schemas,
        ...(wanted === undefined ? {} : { batches: input.batches }),
        ...(input.sample === undefined ? {} : { sample: input.sample }),
        ...(readsFiles ? { cold } : {}),
        signal: context.signal,
        onProgress: context.ui.progress,
      })
    } finally {
      await stores.close()
    }
  },
  view: verifiedView,
  exitCode: ({ findings }) => (findings.length === 0 ? ExitCode.ok : ExitCode.trouble),
})

const NOTHING: Verified = { findings: [], batches: 0, rows: 0n, coldBatches: 0, coldLeft: 0 }

/** Schemas of the systems, or every one of which something was archived or should have been. */
async function schemasOf(context: Context, names: readonly string[]): Promise<string[]> {
  const [config, db, { schemaOf }, { archivedSchemas }] = await Promise.all([
    context.config(),
    context.db(),
    import('../../config/config.ts'),
    import('../../archive/batches.ts'),
  ])
  if (names.length > 0) return names.map((name) => schemaOf(config, name))
  return [...new Set([...systems.map(({ name }) => schemaOf(config, name)), ...(await archivedSchemas(db))])]
}

function verifiedView({ findings, batches: count, rows, coldBatches, coldLeft }: Verified): View {
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'findings',
        title: 'Findings',
        columns: [
          { key: 'batch', kind: 'bigint' },
          { key: 'schema', kind: 'text' },
          { key: 'table', kind: 'text' },
          { key: 'code', kind: 'text' },
          { key: 'finding', kind: 'text' },
        ],
        shown: ['batch', 'schema', 'table', 'finding'],
        rows: findings.map((finding) => ({ ...finding })),
        empty: 'Everything is as it was archived.',
      },
      {
        kind: 'record',
        key: 'verified',
        title: 'Looked at',
        columns: [
          { key: 'batches', kind: 'integer', unit: 'count' },
          { key: 'rows', label: 'rows in archive tables', kind: 'bigint', unit: 'count' },
          { key: 'coldBatches', label: 'batches with files', kind: 'integer', unit: 'count' },
          { key: 'coldLeft', label: 'batches whose files were not read', kind: 'integer', unit: 'count' },
        ],
        row: { batches: count, rows, coldBatches, coldLeft },
      },
    ],
  }
}

function named(): UsageError {
  return new UsageError({
    code: 'invalid-input',
    message: 'Numbers of batches exclude --sample and --system',
    hint: 'Name batches, or choose some',
  })
}
