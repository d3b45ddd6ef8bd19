/** Writing configuration: whole files or none, secrets for their owner alone. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, OperationError, StewardError, UsageError } from '../errors.ts'
import { readConfigFile } from './file.ts'

/**
 * Writes a configuration file after reading it back. It appears under its name whole, or not at all.
 *
 * @throws UsageError when a file is there and may not be replaced, or the text would not be accepted
 * @throws OperationError when the file system refuses it
 */
export async function writeConfigFile(
  path: string,
  text: string,
  { replace, platform }: { readonly replace: boolean; readonly platform: NodeJS.Platform },
): Promise<void> {
  await asDraft(path, text, 0o644, async (draft) => {
    const problems = (await readConfigFile(draft, platform))?.problems ?? []
    if (problems.length > 0) {
      throw new UsageError({
        code: 'invalid-configuration',
        message: 'The answers do not make a configuration',
        hint: 'Correct what is listed; nothing was written',
        problems: problems.map(({ where = '', reason }) => ({ where: where.split(' ').at(-1) ?? '', reason })),
      })
    }
    if (replace) await rename(draft, path)
    // Unlike rename, link fails when somebody made the file in the meantime.
    else
      await link(draft, path).catch((error: unknown) =>
        Promise.reject(errorCode(error) === 'EEXIST' ? exists(path) : error),
      )
  })
}

/** @throws UsageError always; said before the questions are asked, and again if the file appeared meanwhile */
export function exists(path: string): UsageError {
  return new UsageError({
    code: 'file-exists',
    message: `${path} is there already`,
    hint: 'Edit it, give another --file, or replace it with --force',
  })
}

/**
 * Writes a password into a file of its own that only its owner may read.
 *
 * @throws OperationError when the file system refuses it
 */
export async function writePasswordFile(path: string, password: string): Promise<void> {
  await asDraft(path, `${password}\n`, 0o600, (draft) => rename(draft, path))
}

/**
 * Adds an entry to ~/.pgpass, making the file when there is none (PostgreSQL manual, 34.16). It goes first, because the
 * first entry that fits is the one that counts.
 *
 * @throws OperationError when the file system refuses it, or the entries that are there cannot be read
 */
export async function addToPassFile(
  path: string,
  entry: { readonly host: string; readonly port: number; readonly database: string; readonly user: string },
  password: string,
): Promise<void> {
  const host = entry.host.startsWith('/') ? 'localhost' : entry.host
  const line = [host, String(entry.port), entry.database, entry.user, password].map(escaped).join(':')
  const place = await realpath(path).catch(() => path)
  const before = await readFile(place, 'utf8').catch((error: unknown) => {
    // Entries that cannot be read would be lost.
    if (errorCode(error) !== 'ENOENT') throw refusal(place, error)
    return ''
  })
  await asDraft(place, `${line}\n${before}`, 0o600, (draft) => rename(draft, place))
}

function escaped(field: string): string {
  return field.replaceAll(/[\\:]/g, (character) => `\\${character}`)
}

/** Writes the text beside `path`, in a directory that is made where needed, and has it put in place. */
async function asDraft(
  path: string,
  text: string,
  mode: number,
  putInPlace: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  try {
    // What is secret does not begin in a directory that others may list.
    await mkdir(dirname(path), { recursive: true, mode: (mode & 0o077) === 0 ? 0o700 : 0o777 })
    await writeDurably(draft, text, mode)
    await putInPlace(draft)
  } catch (error) {
    throw refusal(path, error)
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

/** An error of the file system as Steward's; any other as it is. */
function refusal(path: string, error: unknown): unknown {
  if (error instanceof StewardError || !(error instanceof Error && 'code' in error)) return error
  return new OperationError({
    code: 'file-not-written',
    message: `${path} cannot be written (${error.code})`,
    hint: 'Check that you may write there and that the disk has room, or name another --file',
    cause: error,
  })
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
