/** Opening the FILE of `create --from` and `import`, and what both say about the outcome. */
import type { Readable } from 'node:stream'
import type { ImportResult } from '../../crud/import.ts'
import type { RejectFile } from '../../crud/rejects.ts'
import type { SourceFormat } from '../../crud/source.ts'
import { ExitCode, errorCode, RefusedError, UsageError } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import type { Context } from '../command.ts'
import { choice, integer, list, text, toggle } from '../flags.ts'
import { spoken } from './entity-scope.ts'
import { STDIN } from './raw-values.ts'

const FORMATS = ['csv', 'ndjson', 'json'] as const satisfies readonly SourceFormat[]

/** Flags about the rows of a file. */
export const sourceFlags = {
  format: choice(FORMATS, 'format of the file (default: by its ending, else by how it begins)'),
  dryRun: toggle('check every row against the database and write nothing'),
  keepGoing: toggle('write the good rows; the others go to a file of rejects (exit 7)'),
  rejects: text('<file>', 'where rejects go (default: <file>.rejects.ndjson)'),
  ignore: list('<columns>', 'columns of the file to leave out'),
  batchSize: integer('<n>', 'rows of one INSERT (default 500)', { min: 1, max: 10_000 }),
}

export interface OpenedSource {
  readonly stream: Readable
  /** For messages, and the ending that tells the format. */
  readonly name: string
  /** Where the rows are read from; absent for stdin. */
  readonly path?: string
  /** Default name of the file of rejects. */
  readonly rejects: string
}

/** Opens a file or stdin. @throws UsageError (exit 2) when it cannot be read */
export async function openSource(context: Context, file: string): Promise<OpenedSource> {
  const { resolve } = await import('node:path')
  if (file === STDIN) {
    const { Readable } = await import('node:stream')
    if (context.stdin.isTTY) {
      throw new UsageError({
        code: 'no-input',
        message: 'stdin is a terminal, so there is nothing to read from it',
        hint: 'Name a file, or pipe the rows in',
      })
    }
    return {
      stream: Readable.from(context.stdin),
      name: 'stdin',
      rejects: resolve(context.cwd, 'stdin.rejects.ndjson'),
    }
  }
  const { open } = await import('node:fs/promises')
  const path = resolve(context.cwd, file)
  try {
    const handle = await open(path)
    const { isDirectory } = await handle.stat().then((stats) => ({ isDirectory: stats.isDirectory() }))
    if (!isDirectory) {
      return { stream: handle.createReadStream(), name: file, path, rejects: `${path}.rejects.ndjson` }
    }
    await handle.close()
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT'
    throw new UsageError({
      code: 'unreadable-file',
      message: missing ? `There is no file ${file}` : `The file ${file} cannot be read`,
      hint: 'Name a file that can be read, or - for stdin',
    })
  }
  throw new UsageError({ code: 'unreadable-file', message: `${file} is a folder`, hint: 'Name a file in it' })
}

/**
 * The file of rejects where `--keep-going` asks for one. That it can be written is made sure of before any row is.
 *
 * @throws UsageError (exit 2) when it cannot, or when it is the file that is read
 */
export async function rejectsOf(
  { cwd }: Context,
  source: OpenedSource,
  given: { readonly keepGoing?: unknown; readonly rejects?: unknown },
): Promise<RejectFile | undefined> {
  if (given.keepGoing !== true) return undefined
  const { access, constants, stat } = await import('node:fs/promises')
  const { dirname, resolve } = await import('node:path')
  const { rejectFile } = await import('../../crud/rejects.ts')
  const path = typeof given.rejects === 'string' ? resolve(cwd, given.rejects) : source.rejects
  const [there, read] = await Promise.all(
    [path, source.path].map((one) => (one === undefined ? undefined : stat(one).catch(() => undefined))),
  )
  const writable = () =>
    access(there ? path : dirname(path), constants.W_OK).then(
      () => undefined,
      () => (there ? 'permission was denied' : 'its folder is not there or may not be written to'),
    )
  const isRead = there && read && there.ino === read.ino && there.dev === read.dev
  const reason = isRead ? 'it is the file that is read' : there?.isDirectory() ? 'it is a folder' : await writable()
  if (reason === undefined) return rejectFile(path)
  source.stream.destroy()
  throw new UsageError({
    code: 'file-not-writable',
    message: `The rejects cannot be written to ${path}: ${reason}`,
    hint: 'Name another file with --rejects',
  })
}

/**
 * Throws for an import that wrote nothing because of its problems; does nothing otherwise.
 *
 * @param ignored what `--ignore` left out already
 */
export function refuseRejected(entity: Entity, result: ImportResult, ignored: readonly string[]): void {
  const { read, rejected, problems, ignorable } = result
  if (rejected === 0) return
  throw new RefusedError({
    code: 'rows-refused',
    message: `${refusedOf(result, spoken(entity.plural))}; ${read === 1 ? 'nothing' : 'none'} was written`,
    hint:
      ignorable.length > 0
        ? `Correct the file, or leave these out with ${ignoreFlag(ignored, ignorable)}`
        : `Correct the file${read === 1 ? '' : ', or add --keep-going to write the others'}`,
    problems,
    details: { read, rejected },
  })
}

/** `2 of 3 tasks were refused`. @param plural what the rows are called */
export function refusedOf({ read, rejected }: ImportResult, plural: string): string {
  if (read === 1) return 'The only row was refused'
  return `${rejected.toLocaleString('en')} of ${read.toLocaleString('en')} ${plural} ${rejected === 1 ? 'was' : 'were'} refused`
}

/** The flag that leaves out what cannot be set, ready to be pasted. */
export function ignoreFlag(ignored: readonly string[], ignorable: readonly string[]): string {
  const names = [...new Set([...ignored, ...ignorable])].join(',')
  return `--ignore ${/^[\w,.-]+$/.test(names) ? names : `'${names.replaceAll("'", `'\\''`)}'`}`
}

/** 7 with rejects, the stop's own code when it was stopped, else 0. */
export function importExitCode({ rejected, stopped }: ImportResult): ExitCode {
  if (stopped) return stopped.exitCode
  return rejected > 0 ? ExitCode.partial : ExitCode.ok
}
