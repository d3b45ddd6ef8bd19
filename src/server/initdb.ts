/** Creates the data directory: superuser and database `steward`, the same text order on every machine. */
import { randomBytes } from 'node:crypto'
import { appendFile, chown, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { OperationError } from '../errors.ts'
import type { Binaries } from './binaries.ts'
import { DATABASE, SUPERUSER } from './names.ts'
import type { ServerPaths } from './paths.ts'
import { readIfThere } from './postmaster.ts'
import { runProgram } from './program.ts'
import { dynamicSharedMemory, SETTINGS_FILE, writeSettings } from './settings.ts'
import type { ServerUser } from './unprivileged.ts'

/** Tries again for about five seconds: the initdb of a Steward that was killed writes on until it notices. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const

/** The major version of PostgreSQL that made the data directory, undefined when there is none. */
export async function dataVersion(data: string): Promise<string | undefined> {
  return (await readIfThere(join(data, 'PG_VERSION')))?.trim()
}

/** @throws OperationError `data-directory-version` when the data was made by another major version */
export function checkVersion(data: string, made: string, binaries: Binaries): void {
  if (made === binaries.major) return
  throw new OperationError({
    code: 'data-directory-version',
    message: `${data} was made by PostgreSQL ${made}; this steward runs PostgreSQL ${binaries.major}`,
    hint: `Dump it with PostgreSQL ${made} and load the dump, or give it up with steward server destroy`,
    details: { dataDirectory: data, dataVersion: made, serverVersion: binaries.major },
  })
}

export interface InitialiseOptions {
  /** False leaves writing to disk to the operating system: for data that nobody will miss. */
  readonly durable: boolean
}

/**
 * Runs initdb into a directory aside and moves it into place when the database is in it: an interrupted run leaves
 * no half data directory, and what it leaves aside the next run clears away. For the holder of the lock.
 *
 * @throws OperationError `initdb-failed`
 */
export async function initialise(
  paths: ServerPaths,
  binaries: Binaries,
  user: ServerUser | undefined,
  { durable }: InitialiseOptions,
): Promise<void> {
  const leftovers = (await readdir(paths.home)).filter((name) => name.startsWith('.initdb-'))
  for (const name of leftovers) await rm(join(paths.home, name), REMOVAL)
  const unfinished = await mkdtemp(join(paths.home, '.initdb-'))
  try {
    if (user !== undefined) await chown(unfinished, user.uid, user.gid)
    const access = process.platform === 'win32' ? await passwordAccess(paths) : ['--auth=trust']
    const run = async (file: string, args: readonly string[], stdin?: string) => {
      const result = await runProgram(file, args, {
        user,
        cwd: paths.home,
        ...(stdin === undefined ? {} : { stdin }),
      })
      if (result.status !== 0) throw failed(result.stderr || result.stdout, paths)
    }
    await run(
      binaries.initdb,
      [
        ['-D', unfinished],
        ['-U', SUPERUSER],
        ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
        ['--data-checksums', '--no-instructions'],
        Object.entries(await dynamicSharedMemory()).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        access,
        durable ? [] : ['--no-sync'],
      ].flat(),
    )
    // The socket's directory is closed to others; nothing else may come in, should it ever listen on TCP.
    await appendFile(join(unfinished, 'postgresql.conf'), `\ninclude '${SETTINGS_FILE}'\n`)
    if (process.platform !== 'win32') await writeFile(join(unfinished, 'pg_hba.conf'), 'local all all trust\n')
    await writeSettings(unfinished, durable ? {} : { fsync: 'off' }, user)
    // In template1, so that every database made later has it too.
    const sql = `CREATE EXTENSION pg_stat_statements;\nCREATE DATABASE ${DATABASE};\n`
    await run(binaries.postgres, ['--single', '-D', unfinished, '-c', 'exit_on_error=on', 'template1'], sql)
    await rename(unfinished, paths.data)
  } catch (error) {
    await rm(unfinished, REMOVAL)
    throw error
  }
}

/** Where only TCP is left, a random password keeps the machine's other users out. @returns arguments of initdb */
async function passwordAccess(paths: ServerPaths): Promise<readonly string[]> {
  await writeFile(paths.passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  return ['--auth=scram-sha-256', `--pwfile=${paths.passwordFile}`]
}

function failed(output: string, paths: ServerPaths): OperationError {
  const lines = output.split('\n').map((line) => line.trim())
  const reason = lines.find((line) => /\b(error|fatal|panic):/i.test(line)) ?? lines.findLast((line) => line !== '')
  return new OperationError({
    code: 'initdb-failed',
    message: `The data directory could not be created in ${paths.home}: ${reason ?? 'no reason given'}`,
    hint: 'Check that the disk has room (about 100 MB) and that the directory can be written',
  })
}
