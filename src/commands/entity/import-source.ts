/** The rows of a file into the database: what `import` and `create --from` share. */
import type { Candidate } from '../../crud/candidate.ts'
import type { ImportOptions, ImportResult } from '../../crud/import.ts'
import type { Scope } from '../../crud/scope.ts'
import type { SourceRow } from '../../crud/source.ts'
import { type Problem, UsageError } from '../../errors.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Context, ParsedInput } from '../command.ts'
import { actorOf } from './actor.ts'
import { entityScope, spoken } from './entity-scope.ts'
import { rawTexts } from './raw-values.ts'
import { ignoreFlag, importExitCode, openSource, refuseRejected, rejectsOf } from './source-input.ts'

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
  const reader = await inputReader(entity, 'create')
  const fixed = reader.read(await rawTexts(context, entity, input), 'text')
  refuseInput(entity, verb, fixed.problems)
  const ignore = Array.isArray(input.ignore) ? input.ignore.map(String) : []
  const { rows, rejects } = await openRows(context, entity, file, input, (names) =>
    reader.checkNames(names.filter((name) => !ignore.includes(name))),
  )
  const result = await written(context, await entityScope(context, system, entity), rows, {
    reader,
    fixed,
    ignore,
    actor: actorOf(context),
    dryRun: input.dryRun === true,
    rejects,
    onProgress: context.ui.progress,
    signal: context.signal,
    ...(examine ? { examine } : {}),
    ...(onStored ? { onStored } : {}),
    ...(typeof input.batchSize === 'number' ? { batchSize: input.batchSize } : {}),
  })
  if (rejects && result.ignorable.length > 0) {
    context.ui.warn(`Fields that cannot be set are left out with ${ignoreFlag(ignore, result.ignorable)}`)
  }
  return { ...result, rejectsFile: rejects && result.rejected > 0 ? rejects.path : null }
}

/** The rows of the file, no more than the entity may have, and where its rejects go. */
async function openRows(
  context: Context,
  entity: Entity,
  file: string,
  input: ParsedInput,
  checkNames: (names: readonly string[]) => readonly Problem[],
) {
  const { readSource } = await import('../../crud/source.ts')
  const source = await openSource(context, file)
  const rejects = await rejectsOf(context, source, input)
  const rows = readSource(source.stream, { name: source.name, format: formatOf(input.format), checkNames })
  return { rows: entity.verbs.includes('bulk') ? rows : onlyOne(entity, rows), rejects }
}

/** Writes the rows as a run of the journal; says how far it came when it ends early. */
async function written(
  context: Context,
  scope: Scope,
  rows: AsyncIterable<SourceRow>,
  options: ImportOptions,
): Promise<ImportResult> {
  const { importRows } = await import('../../crud/import.ts')
  const { journalRun } = await import('../../db/journal.ts')
  const { rejects, ignore = [] } = options
  const db = await context.db()
  let settled: number | undefined
  const onSettled = (line: number) => {
    settled = line
  }
  const work = async () => {
    const result = await importRows(db, scope, rows, { ...options, onSettled }).finally(() => rejects?.close())
    if (!rejects) refuseRejected(scope.entity, result, ignore)
    const { read, written, rejected } = result
    return { value: result, counts: { read, written, rejected }, exitCode: importExitCode(result) }
  }
  // A rehearsal changes nothing, so it is no run to remember.
  const running = options.dryRun ? work().then(({ value }) => value) : journalRun(db, context, work)
  const result = await running.catch((error: unknown) => {
    // Whoever repeats it must know where to go on. Of the batch in flight, nobody knows when the connection is lost.
    if (settled !== undefined) context.ui.warn(upTo('Failed', settled, 'may not be'))
    throw error
  })
  if (result.stopped) context.ui.warn(upTo('Stopped', result.lastLine, 'are not'))
  return result
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
