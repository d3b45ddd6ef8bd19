import type { ImportResult } from '../../crud/import.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { argument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags } from './field-flags.ts'
import { rawTexts } from './raw-values.ts'
import { importExitCode, openSource, refuseRejected, rejectsOf, sourceFlags } from './source-input.ts'

const COLUMNS: readonly Column[] = [
  { key: 'read', kind: 'integer', unit: 'count' },
  { key: 'written', kind: 'integer', unit: 'count' },
  { key: 'rejected', kind: 'integer', unit: 'count' },
  { key: 'rejects_file', kind: 'text' },
  { key: 'dry_run', kind: 'boolean' },
]

interface Imported extends ImportResult {
  readonly rejectsFile: string | null
}

/** `steward <system> <entity> import`. */
export function importCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'import')
  return defineCommand({
    name: 'import',
    summary: `Import ${spoken(entity.plural)} from CSV, NDJSON or JSON`,
    description:
      `Imports ${spoken(entity.plural)} from a file or stdin, streamed. All rows or none, unless --keep-going: then ` +
      `the good rows are written, 500 a transaction, and the others go to a file of rejects, each with its line and ` +
      `its problems. In CSV an empty cell is NULL and "" an empty text, as COPY has it.`,
    examples: [
      { command: `${words} ${entity.plural}.csv --dry-run`, does: 'Check every row, write nothing' },
      {
        command: `${words} ${entity.plural}.ndjson --keep-going`,
        does: 'Write the good rows, keep the others in a file',
      },
      { command: `${words} - < ${entity.plural}.ndjson`, does: 'From stdin, where another tool may write' },
    ],
    effect: 'write',
    args: { file: argument('file to read, or - for stdin') },
    flags: { ...sourceFlags, ...assignmentFlags },
    async run(context, input): Promise<Imported> {
      const { inputReader, refuseInput } = await import('../../crud/input.ts')
      const { importRows } = await import('../../crud/import.ts')
      const { readSource } = await import('../../crud/source.ts')
      const { journalRun } = await import('../../db/journal.ts')
      const reader = await inputReader(entity, 'create')
      const fixed = reader.read(await rawTexts(context, entity, input), 'text')
      refuseInput(entity, 'import', fixed.problems)
      const source = await openSource(context, input.file)
      const rows = readSource(source.stream, {
        name: source.name,
        format: input.format,
        checkNames: (names) => reader.checkNames(names.filter((name) => !input.ignore.includes(name))),
      })
      const rejects = await rejectsOf(context, source, input)
      const db = await context.db()
      const scope = await entityScope(context, system, entity)
      const work = async () => {
        const result = await importRows(db, scope, rows, {
          reader,
          fixed,
          ignore: input.ignore,
          actor: actorOf(context),
          dryRun: input.dryRun,
          rejects,
          onProgress: context.ui.progress,
          signal: context.signal,
          ...(input.batchSize === undefined ? {} : { batchSize: input.batchSize }),
        }).finally(() => rejects?.close())
        refuseRejected(entity, result, input.keepGoing)
        const { read, written, rejected } = result
        return { value: result, counts: { read, written, rejected }, exitCode: importExitCode(result) }
      }
      // A rehearsal changes nothing, so it is no run to remember.
      const result = input.dryRun ? (await work()).value : await journalRun(db, context, work)
      for (const { line, where, reason } of result.problems.slice(0, 5)) {
        context.ui.warn(`line ${line}: ${[where, reason].filter(Boolean).join(' ')}`)
      }
      if (result.stopped) {
        context.ui.warn(
          `Stopped: the rows up to the one on line ${result.lastLine} are dealt with, those after it are not.`,
        )
      }
      return { ...result, rejectsFile: rejects && result.rejected > 0 ? rejects.path : null }
    },
    exitCode: importExitCode,
    view: ({ read, written, rejected, rejectsFile }, input) => ({
      shape: 'record',
      title: input.dryRun ? 'Checked, nothing written' : 'Imported',
      columns: COLUMNS,
      row: { read, written, rejected, rejects_file: rejectsFile, dry_run: input.dryRun },
    }),
  })
}
