/** The rows of a file into the database: what `import` and `create --from` share. */
import type { Candidate } from '../../crud/candidate.ts'
import type { ImportResult } from '../../crud/import.ts'
import { type Problem, UsageError } from '../../errors.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Context, ParsedInput } from '../command.ts'
import { actorOf } from './actor.ts'
import { entityScope, spoken } from './entity-scope.ts'
import { rawTexts } from './raw-values.ts'
import { importExitCode, openSource, refuseRejected, rejectsOf } from './source-input.ts'

export interface Imported extends ImportResult {
  /** Where the rejects are; null without any. */
  readonly rejectsFile: string | null
}

interface Options {
  /** Name of the command, for the hint of a refusal. */
  readonly verb: string
  readonly examine?: (candidate: Candidate) => Promise<readonly Problem[]>
  readonly onStored?: (rows: readonly Cells[]) => void
}

/**
 * Imports the rows of a file or of stdin, journalled unless it is a rehearsal; every row takes the values of the flags
 * as well.
 *
 * @param input the flags of `sourceFlags`, and those of fields
 * @throws RefusedError (exit 5) with the problems, when they kept every row out
 */
export async function importSource(
  context: Context,
  system: System,
  entity: Entity,
  file: string,
  input: ParsedInput,
  { verb, examine, onStored }: Options,
): Promise<Imported> {
  const { inputReader, refuseInput } = await import('../../crud/input.ts')
  const { importRows } = await import('../../crud/import.ts')
  const { readSource } = await import('../../crud/source.ts')
  const { journalRun } = await import('../../db/journal.ts')
  const reader = await inputReader(entity, 'create')
  const fixed = reader.read(await rawTexts(context, entity, input), 'text')
  refuseInput(entity, verb, fixed.problems)
  const ignore = Array.isArray(input.ignore) ? input.ignore.map(String) : []
  const dryRun = input.dryRun === true
  const source = await openSource(context, file)
  const rejects = await rejectsOf(context, source, input)
  const rows = readSource(source.stream, {
    name: source.name,
    format: formatOf(input.format),
    checkNames: (names) => reader.checkNames(names.filter((name) => !ignore.includes(name))),
  })
  const scope = await entityScope(context, system, entity)
  const db = await context.db()
  let settled: number | undefined
  const work = async () => {
    const result = await importRows(db, scope, entity.verbs.includes('bulk') ? rows : onlyOne(entity, rows), {
      reader,
      fixed,
      ignore,
      actor: actorOf(context),
      dryRun,
      rejects,
      onProgress: context.ui.progress,
      signal: context.signal,
      onSettled(line) {
        settled = line
      },
      ...(examine ? { examine } : {}),
      ...(onStored ? { onStored } : {}),
      ...(typeof input.batchSize === 'number' ? { batchSize: input.batchSize } : {}),
    }).finally(() => rejects?.close())
    refuseRejected(entity, result, rejects !== undefined)
    const { read, written, rejected } = result
    return { value: result, counts: { read, written, rejected }, exitCode: importExitCode(result) }
  }
  // A rehearsal changes nothing, so it is no run to remember.
  const running = dryRun ? work().then(({ value }) => value) : journalRun(db, context, work)
  const result = await running.catch((error: unknown) => {
    // Whoever repeats it must know where to go on. Of the batch in flight, nobody knows when the connection is lost.
    if (settled !== undefined) context.ui.warn(upTo('Failed', settled, 'may not be'))
    throw error
  })
  if (result.stopped) context.ui.warn(upTo('Stopped', result.lastLine, 'are not'))
  return { ...result, rejectsFile: rejects && result.rejected > 0 ? rejects.path : null }
}

function upTo(how: string, line: number, others: string): string {
  return `${how}: the rows up to the one on line ${line} are dealt with, those after it ${others}.`
}

/** Only where the declaration allows bulk may a file hold more than one row. */
async function* onlyOne<T>(entity: Entity, rows: AsyncIterable<T>): AsyncGenerator<T> {
  let count = 0
  for await (const row of rows) {
    if (++count > 1) {
      throw new UsageError({
        code: 'one-row-only',
        message: `${spoken(entity.plural)} are created one at a time, and the file holds several`,
        hint: 'Split the file, one row each',
      })
    }
    yield row
  }
}

function formatOf(value: unknown): 'csv' | 'ndjson' | 'json' | undefined {
  return value === 'csv' || value === 'ndjson' || value === 'json' ? value : undefined
}
