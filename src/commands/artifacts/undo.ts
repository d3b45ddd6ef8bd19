/** `steward artifacts undo`. */
import type { Moves, QuarantinedRun } from '../../artifacts/quarantine.ts'
import { ExitCode, NotFoundError, UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { list, optionalArgument, toggle } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { filedSchemas, placedSystems, storesNamed } from './placed.ts'
import { movedSections } from './verify-view.ts'

type Done =
  | { readonly kind: 'list'; readonly runs: readonly QuarantinedRun[] }
  | { readonly kind: 'moved'; readonly run: string; readonly moves: Moves; readonly exitCode: ExitCode }

export const undo = defineCommand({
  name: 'undo',
  summary: 'Bring back files from the quarantine',
  description:
    'Moves what a run of artifacts verify --remove put into the quarantine back to where it was. A file that has a namesake there by now stays in the quarantine, is named, and the exit code is 7. What is killed half-way goes on with the same command.',
  examples: [
    { command: 'artifacts undo --list', does: 'The runs whose files are in the quarantine' },
    { command: 'artifacts undo 20261104T101500Z-142', does: 'Bring back all of one run' },
  ],
  effect: 'write',
  args: { run: optionalArgument('run, as artifacts undo --list shows it') },
  flags: {
    list: toggle('show what is in the quarantine, and stop'),
    store: list('<names>', 'only these stores (default: all of the profile)'),
  },
  async run(context, input): Promise<Done> {
    if ((input.run === undefined) !== input.list) throw oneOf()
    const [config, { openStores }, { bringBack, listQuarantine, requireRun }] = await Promise.all([
      context.config(),
      import('../../storage/open.ts'),
      import('../../artifacts/quarantine.ts'),
    ])
    const stores = openStores(config.stores)
    try {
      const some = storesNamed(stores.all, input.store)
      if (input.run === undefined) return { kind: 'list', runs: await listQuarantine(some, context.signal) }
      const name = input.run
      requireRun(name)
      const systems = await placedSystems(context)
      return await governed(context, { schemas: filedSchemas(systems), plan: { run: name } }, async (run) => {
        const moves = await bringBack(some, name, run)
        if (moves.files + moves.failed + moves.passed === 0 && moves.outcome === 'nothing') throw nothingThere(name)
        const exitCode = exitCodeOfJobs([moves], context.signal)
        const counts = { run: name, files: moves.files, bytes: moves.bytes, failed: moves.failed }
        return { value: { kind: 'moved', run: name, moves, exitCode }, counts, exitCode, reason: moves.why }
      })
    } finally {
      await stores.close()
    }
  },
  view: (done) =>
    done.kind === 'moved'
      ? { shape: 'sections', sections: movedSections(done) }
      : {
          shape: 'table',
          columns: [
            { key: 'run', kind: 'text' },
            { key: 'store', kind: 'text' },
            { key: 'at', label: 'moved', kind: 'timestamp' },
            { key: 'files', kind: 'integer', unit: 'count' },
            { key: 'bytes', label: 'size', kind: 'integer', unit: 'bytes' },
          ],
          rows: done.runs.map((one) => ({ ...one, at: one.at.toISOString() })),
          empty: 'Nothing is in the quarantine.',
        },
  exitCode: (done) => (done.kind === 'moved' ? done.exitCode : ExitCode.ok),
})

function oneOf(): UsageError {
  return new UsageError({
    code: 'invalid-input',
    message: 'Name a run to bring back, or give --list',
    hint: 'steward artifacts undo --list shows the runs',
  })
}

function nothingThere(run: string): NotFoundError {
  return new NotFoundError({
    code: 'no-such-run',
    message: `Nothing of run ${run} is in the quarantine`,
    hint: 'steward artifacts undo --list shows what is',
  })
}
