import { chmod, cp, lstat, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findPackage, removeOtherCopies, usableBinaries } from '../../src/server/binaries.ts'
import { pathsBelow, serverPaths } from '../../src/server/paths.ts'
import { serverUser } from '../../src/server/unprivileged.ts'
import { withClient } from '../support/cluster.ts'
import { openDirectory, scratchDirectory, scratchServer } from './scratch.ts'

const root = process.getuid?.() === 0
const scratch = scratchDirectory()
await openDirectory(scratch)

describe('the data home', () => {
  test('is where STEWARD_DATA_HOME says', () => {
    expect(serverPaths({ env: { STEWARD_DATA_HOME: '/srv/steward' } }).data).toBe('/srv/steward/server/data')
  })

  test.runIf(root)("is outside root's home, which the server's user cannot enter", () => {
    expect(serverPaths({ env: {}, homeDirectory: '/root', platform: 'linux' }).home).toBe('/var/lib/steward/server')
  })

  test('is one server under every spelling of its path', async () => {
    await mkdir(join(scratch, 'real'))
    await symlink('real', join(scratch, 'alias'))
    expect(pathsBelow(join(scratch, 'alias', 'server'))).toEqual(pathsBelow(join(scratch, 'real', 'server')))
  })
})

test('a path too long for a socket gets a short directory for it', async () => {
  const home = join(scratch, 'a directory, with "quotes" and ünïcode '.repeat(3), 'server')
  const server = scratchServer(home)
  expect(server.paths.run.startsWith(home)).toBe(false)
  const endpoint = await server.ensureRunning()
  expect(endpoint.host).toBe(server.paths.run)
  await withClient(endpoint, 'steward', async (client) => {
    const { rows } = await client.query(`SELECT current_setting('data_directory') AS data`)
    expect(rows).toEqual([{ data: server.paths.data }])
  })
  expect((await stat(server.paths.run)).mode & 0o777).toBe(0o700)
  await server.destroy()
  await expect(stat(server.paths.run)).rejects.toThrow('ENOENT')
})

test.runIf(root)('a socket directory that another user made in advance is refused', async () => {
  const server = scratchServer(join(scratch, 'x'.repeat(120), 'server'))
  await mkdir(server.paths.run)
  try {
    await expect(server.start()).rejects.toMatchObject({ code: 'socket-directory-taken', exitCode: 6 })
  } finally {
    await rm(server.paths.run, { recursive: true })
  }
})

test.runIf(root)("a place that the server's user cannot enter is an error that says so", async () => {
  const locked = join(scratch, 'locked')
  await mkdir(locked)
  await chmod(locked, 0o700)
  const server = scratchServer(join(locked, 'server'))
  await expect(server.start()).rejects.toMatchObject({
    code: 'server-home-unreachable',
    hint: 'Set STEWARD_DATA_HOME to a directory that this user can enter',
  })
})

test('data of another major version is left alone', async () => {
  const server = scratchServer(join(scratch, 'old', 'server'))
  await mkdir(server.paths.data, { recursive: true })
  await writeFile(join(server.paths.data, 'PG_VERSION'), '17\n')
  await expect(server.start()).rejects.toMatchObject({
    code: 'data-directory-version',
    message: `${server.paths.data} was made by PostgreSQL 17; this steward runs PostgreSQL 18`,
  })
})

test('a directory that is no data directory is left alone', async () => {
  const server = scratchServer(join(scratch, 'foreign', 'server'))
  await mkdir(server.paths.data, { recursive: true })
  await writeFile(join(server.paths.data, 'thesis.txt'), 'draft')
  await expect(server.start()).rejects.toMatchObject({ code: 'not-a-data-directory' })
  expect((await stat(join(server.paths.data, 'thesis.txt'))).size).toBe(5)
})

describe('a package whose install scripts did not run', () => {
  const native = join(scratch, 'package', 'native')
  const copies = join(scratch, 'copies')

  test('gets its links where it can be written', async () => {
    const { native: original } = await findPackage()
    await cp(original, native, {
      recursive: true,
      verbatimSymlinks: true,
      filter: async (source) => !source.endsWith('.a') && !(await lstat(source)).isSymbolicLink(),
    })
    const found = await usableBinaries(copies, await serverUser(copies), { native, version: '18.0.0' })
    expect(found).toMatchObject({ directory: join(native, 'bin'), major: '18' })
  })

  test("is copied, once, where it cannot be used by the server's user", async () => {
    if (root) {
      await chmod(native, 0o700)
    } else {
      await rm(join(native, 'lib', 'libicui18n.so.60'))
      await chmod(join(native, 'lib'), 0o500)
    }
    const user = await serverUser(copies)
    onTestFinished(() => chmod(join(native, 'lib'), 0o700))
    const use = () => usableBinaries(copies, user, { native, version: '18.0.0' })
    const [first] = await Promise.all([use(), use()])
    expect(first).toMatchObject({ directory: join(copies, '18.0.0', 'native', 'bin'), major: '18' })
    const { ino } = await stat(first.postgres)
    await use()
    expect((await stat(first.postgres)).ino).toBe(ino)
    await mkdir(join(copies, '17.9.0', 'native'), { recursive: true })
    await removeOtherCopies(copies, first)
    expect(await readdir(copies)).toEqual(['18.0.0'])
  })
})
