/** Brings the server up: creates it when there is none, starts it when it is down, waits until it answers. */
import { spawn } from 'node:child_process'
import { chown, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError, OperationError } from '../errors.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { type Binaries, removeOtherCopies, usableBinaries } from './binaries.ts'
import { makeDirectories, makeReachable } from './directories.ts'
import { checkVersion, dataVersion, initialise } from './initdb.ts'
import { withLock } from './lock.ts'
import { onFiles } from './on-files.ts'
import { type ServerPaths, SOCKET_PORT } from './paths.ts'
import { isAlive, livePostmaster, type Postmaster, pidFile, readPidFile } from './postmaster.ts'
import { programEnvironment } from './program.ts'
import { type Settings, serverSettings, writeSettings } from './settings.ts'
import { type ServerUser, serverUser } from './unprivileged.ts'

/** Milliseconds until a server that was started must accept connections; crash recovery is within. */
const START_TIMEOUT = 60_000

/** Bytes of log beyond which a start begins a new file. */
const LOG_LIMIT = 10 * 1024 * 1024

export interface StartOptions {
  readonly onProgress?: OnProgress
  /** False for data that nobody will miss: nothing waits for the disk. */
  readonly durable?: boolean
  /** Settings over Steward's own. */
  readonly settings?: Settings
}

export interface Started {
  readonly postmaster: Postmaster
  /** False when it was already running. */
  readonly started: boolean
  /** True when the data directory was made now. */
  readonly created: boolean
}

/**
 * Starts the server; one that runs is left as it is. Several callers at once end with one server.
 *
 * @throws ConnectionError `embedded-server-unavailable`, `server-start-failed`, `server-starting`
 * @throws OperationError `initdb-failed`, `data-directory-version`, `server-home-unreachable`, `no-server-user`
 * @throws OperationError `server-files` when the file system refuses something
 * @throws LockedError `server-locked`
 */
export async function startServer(paths: ServerPaths, options: StartOptions = {}): Promise<Started> {
  return onFiles(paths.home, () => createAndStart(paths, options))
}

async function createAndStart(paths: ServerPaths, options: StartOptions): Promise<Started> {
  const { onProgress = ignoreProgress, durable = true, settings = {} } = options
  const running = await livePostmaster(paths.data)
  if (running?.state === 'ready') return { postmaster: running, started: false, created: false }

  await makeReachable(dirname(paths.home))
  return withLock(paths.lockFile, async () => {
    const up = await settled(paths)
    if (up !== undefined) return { postmaster: up, started: false, created: false }

    const user = await serverUser(paths.data)
    await makeDirectories(paths, user)
    const binaries = await usableBinaries(paths.binaries, user)
    await removeOtherCopies(paths.binaries, binaries)
    const made = await dataVersion(paths.data)
    if (made === undefined) {
      await refuseForeignData(paths)
      onProgress({ label: `creating a PostgreSQL ${binaries.major} server`, done: 0, unit: 'steps' })
      await initialise(paths, binaries, user, { durable })
    } else {
      checkVersion(paths.data, made, binaries)
    }
    onProgress({ label: 'starting PostgreSQL', done: 0, unit: 'steps' })
    const port = process.platform === 'win32' ? await freePort() : undefined
    const unsafe = durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
    await writeSettings(paths.data, { ...(await serverSettings(paths, port)), ...unsafe, ...settings }, user)
    const postmaster = await launchUntilReady(paths, binaries, user)
    await writeFile(paths.versionFile, `${binaries.version}\n`)
    return { postmaster, started: true, created: made === undefined }
  })
}

/** Waits for a server that is on its way up or down. @returns it when it is up, undefined when it is down */
async function settled(paths: ServerPaths): Promise<Postmaster | undefined> {
  const deadline = Date.now() + START_TIMEOUT
  for (;;) {
    const postmaster = await livePostmaster(paths.data)
    if (postmaster === undefined || postmaster.state === 'ready') return postmaster
    if (Date.now() > deadline) throw stillStarting(paths)
    await sleep(20)
  }
}

async function launchUntilReady(
  paths: ServerPaths,
  binaries: Binaries,
  user: ServerUser | undefined,
): Promise<Postmaster> {
  const deadline = Date.now() + START_TIMEOUT
  for (;;) {
    await releaseStaleLocks(paths)
    const outcome = await launch(paths, binaries, user, deadline)
    if (typeof outcome !== 'string') return outcome
    // Backends that outlive a killed postmaster notice within a moment; until then the memory is theirs.
    if (!/pre-existing shared memory block/.test(outcome) || Date.now() > deadline) {
      throw startFailed(outcome, paths)
    }
    await sleep(200)
  }
}

/**
 * Starts the server once, detached: of a session of its own, so that neither Steward's end nor the terminal's Ctrl-C
 * reaches it, and with its output in the log file.
 *
 * @returns the server, or what it logged before it gave up
 */
async function launch(
  paths: ServerPaths,
  binaries: Binaries,
  user: ServerUser | undefined,
  deadline: number,
): Promise<Postmaster | string> {
  const log = await openLog(paths, user)
  const logged = (await log.stat()).size
  const ended: { reason?: string } = {}
  try {
    const windows = process.platform === 'win32'
    // On Windows pg_ctl stands in between: it sheds an administrator's rights, which the server would refuse.
    const child = windows
      ? spawn(binaries.pgCtl, ['start', '-W', '-D', paths.data, '-l', paths.logFile], {
          env: programEnvironment(),
          stdio: 'ignore',
          windowsHide: true,
        })
      : spawn(binaries.postgres, ['-D', paths.data], {
          cwd: paths.home,
          detached: true,
          env: programEnvironment(),
          stdio: ['ignore', log.fd, log.fd],
          ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
        })
    child.on('error', (error) => {
      ended.reason = error.message
    })
    child.on('exit', (code, signal) => {
      if (!windows || code !== 0) ended.reason ??= `ended with ${signal ?? `status ${code}`}`
    })
    child.unref()
    for (;;) {
      const postmaster = await livePostmaster(paths.data)
      if (postmaster?.state === 'ready') return postmaster
      if (ended.reason !== undefined) {
        const said = await readFile(paths.logFile)
        return said.subarray(logged).toString().trim() || ended.reason
      }
      if (Date.now() > deadline) throw stillStarting(paths)
      await sleep(10)
    }
  } finally {
    await log.close()
  }
}

/**
 * Where the number in the locks of a dead server now belongs to something else (the machine crashed and counted anew,
 * or nobody has collected the dead process), PostgreSQL would take that for its server. `postmaster.pid` stays, with
 * the number of ours, which PostgreSQL knows as its parent's and passes over: by the shared memory that the file names
 * it sees whether sessions of the dead server are still writing. For the holder of the lock.
 */
async function releaseStaleLocks({ data, run }: ServerPaths): Promise<void> {
  const left = await readPidFile(data)
  if (left !== undefined && isAlive(left.pid)) {
    if ((await livePostmaster(data)) !== undefined) return
    const lines = await readFile(pidFile(data), 'utf8')
    const ours = lines.replace(/^\s*\d+/, (number) => String(process.pid).padStart(number.length))
    // Over what is there, never emptied first: PostgreSQL does not start over an empty file.
    await writeFile(pidFile(data), ours, { flag: 'r+' })
  }
  await rm(join(run, `.s.PGSQL.${SOCKET_PORT}.lock`), { force: true })
}

/** Never initialises over files that are no data directory: the rename would fail anyway, with less to say. */
async function refuseForeignData(paths: ServerPaths): Promise<void> {
  if ((await stat(paths.data).catch(() => undefined)) === undefined) return
  throw new OperationError({
    code: 'not-a-data-directory',
    message: `${paths.data} exists but is no PostgreSQL data directory`,
    hint: 'Move it away, or set STEWARD_DATA_HOME to another directory',
  })
}

async function openLog(paths: ServerPaths, user: ServerUser | undefined) {
  const size = (await stat(paths.logFile).catch(() => undefined))?.size ?? 0
  if (size > LOG_LIMIT) await rename(paths.logFile, `${paths.logFile}.1`)
  const log = await open(paths.logFile, 'a', 0o600)
  if (user !== undefined) await chown(paths.logFile, user.uid, user.gid)
  return log
}

/** A port of the loopback interface that nobody listens on now. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function startFailed(said: string, paths: ServerPaths): ConnectionError {
  const lines = said.split('\n')
  const fatal = lines.find((line) => /\b(FATAL|PANIC):/.test(line)) ?? lines[0] ?? said
  return new ConnectionError({
    code: 'server-start-failed',
    message: `The embedded PostgreSQL did not start: ${fatal.replace(/^.*?\b(FATAL|PANIC):\s*/, '')}`,
    hint: `steward server logs shows what it said (${paths.logFile})`,
  })
}

function stillStarting(paths: ServerPaths): ConnectionError {
  return new ConnectionError({
    code: 'server-starting',
    message: `The embedded PostgreSQL does not accept connections yet, ${START_TIMEOUT / 1000} s after its start`,
    hint: `It may be recovering from a crash: steward server logs --follow (${paths.logFile})`,
  })
}
