import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InterruptedError } from '../../src/errors.ts'
import { FileStore } from '../../src/storage/file-store.ts'
import { until } from '../support/until.ts'

let folder: string
let root: string
let store: FileStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-store-'))
  root = join(folder, 'root')
  await mkdir(root)
  store = new FileStore({ name: 'files', url: `file://${root}` })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = Buffer.from('content')
const sha256 = createHash('sha256').update(bytes).digest('hex')

/** Everything that a URI can be used for. */
const uses: readonly [string, (uri: string) => Promise<unknown>][] = [
  ['stat', (uri) => store.stat(uri)],
  ['read', (uri) => store.read(uri)],
  ['write', (uri) => store.write(uri, bytes)],
  ['move from', (uri) => store.move(uri, store.uriOf('moved'))],
  ['move to', (uri) => store.move(store.uriOf('real'), uri)],
]

async function expectRefused(uri: string, reason: RegExp): Promise<void> {
  for (const [use, call] of uses) {
    await expect(call(uri), use).rejects.toMatchObject({ exitCode: 5, message: expect.stringMatching(reason) })
  }
  expect(await store.remove([uri])).toEqual([{ outcome: 'refused', reason: expect.stringMatching(reason) }])
}

describe('a file', () => {
  test('is written, told of, read, removed once, and the folders above go with the last', async () => {
    const uri = `${store.url}/o_1/a%20b/shot.png`
    expect(await store.write(uri, bytes)).toEqual({ bytes: 7, sha256 })
    expect(await readFile(join(root, 'o_1/a b/shot.png'), 'utf8')).toBe('content')
    expect(await store.stat(uri)).toEqual({
      uri,
      path: 'o_1/a b/shot.png',
      bytes: 7,
      modifiedAt: expect.any(Date),
    })
    expect(await buffer(await store.read(uri))).toEqual(bytes)
    expect(await readdir(join(root, 'o_1/a b'))).toEqual(['shot.png'])

    expect(await store.remove([uri])).toEqual([{ outcome: 'removed' }])
    expect(await store.remove([uri])).toEqual([{ outcome: 'missing' }])
    expect(await store.stat(uri)).toBeUndefined()
    await expect(store.read(uri)).rejects.toMatchObject({ exitCode: 4 })
    expect(await readdir(root)).toEqual([])
  })

  test('has one path, however its URI is written, and that path one URI', () => {
    const path = "ünï/a b/100%/#?&=+'(!)/\\~😀\n"
    expect(store.pathOf(store.uriOf(path))).toBe(path)
    expect(store.pathOf(`${store.url}//a///b%2Dc`)).toBe('a/b-c')
    expect(store.pathOf(`FILE://${root}/a b\\c`)).toBe('a b\\c')
    expect(store.uriOf('a b\\c')).toBe(`${store.url}/a%20b%5Cc`)
  })

  test('is all there or not at all: content that fails leaves what was there, and nothing else', async () => {
    const uri = store.uriOf('a/b')
    await store.write(uri, bytes)
    const failing = Readable.from(
      (async function* () {
        yield Buffer.alloc(100_000)
        throw new Error('the source failed')
      })(),
    )
    await expect(store.write(uri, failing)).rejects.toThrow('the source failed')
    expect(await readFile(join(root, 'a/b'), 'utf8')).toBe('content')
    expect(await readdir(join(root, 'a'))).toEqual(['b'])
    const large = Readable.from([Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 2)])
    expect(await store.write(uri, large)).toMatchObject({ bytes: 600_000 })
    const read = await buffer(await store.read(uri))
    expect(read.equals(Buffer.concat([Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 2)]))).toBe(true)
  })

  test('is removed beside others, each with its own answer in its own place', async () => {
    await store.write(store.uriOf('shared/one'), bytes)
    await store.write(store.uriOf('shared/two'), bytes)
    await store.write(store.uriOf('other/three'), bytes)
    const uris = ['shared/one', 'shared/none', 'nowhere/none', 'shared', 'other/three', 'shared/one/below']
    expect(await store.remove([...uris.map((path) => store.uriOf(path)), 'file:///etc/passwd'])).toEqual([
      { outcome: 'removed' },
      { outcome: 'missing' },
      { outcome: 'missing' },
      { outcome: 'refused', reason: expect.stringContaining('folder') },
      { outcome: 'removed' },
      { outcome: 'missing' },
      { outcome: 'refused', reason: expect.stringContaining('not below its root') },
    ])
    expect(await readdir(root)).toEqual(['shared'])
    expect(await readdir(join(root, 'shared'))).toEqual(['two'])
  })

  test('that may not be removed is named with the reason, without its path', async () => {
    await store.write(store.uriOf('locked/one'), bytes)
    for (const path of [folder, root]) await chmod(path, 0o755)
    await chmod(join(root, 'locked'), 0o555)
    // Root may do everything.
    const isRoot = process.getuid?.() === 0
    if (isRoot) process.seteuid?.(65_534)
    try {
      expect(await store.remove([store.uriOf('locked/one')])).toEqual([
        { outcome: 'failed', reason: 'permission denied' },
      ])
      await expect(store.write(store.uriOf('locked/two'), bytes)).rejects.toMatchObject({
        exitCode: 6,
        message: 'Store files could not write a file: permission denied',
        hint: expect.stringContaining('right'),
      })
    } finally {
      if (isRoot) process.seteuid?.(0)
      await chmod(join(root, 'locked'), 0o755)
    }
    expect(await readdir(join(root, 'locked'))).toEqual(['one'])
  })

  test('moves, replacing none, and keeps its time', async () => {
    const [from, to] = [store.uriOf('a/one'), store.uriOf('.steward-quarantine/7/a/one')]
    await store.write(from, bytes)
    await utimes(join(root, 'a/one'), 1_000_000_000, 1_000_000_000)
    await store.move(from, to)
    expect(await readdir(root)).toEqual(['.steward-quarantine'])
    expect(await store.stat(to)).toMatchObject({ bytes: 7, modifiedAt: new Date(1_000_000_000_000) })
    await expect(store.move(from, to)).rejects.toMatchObject({ exitCode: 4 })

    await store.write(from, Buffer.from('another'))
    await expect(store.move(from, to)).rejects.toMatchObject({ exitCode: 5, code: 'target-exists' })
    expect((await buffer(await store.read(from))).toString()).toBe('another')
    expect((await buffer(await store.read(to))).toString()).toBe('content')
    await expect(store.move(to, `${store.url}//${store.pathOf(to)}`)).rejects.toMatchObject({ code: 'target-exists' })
    expect((await buffer(await store.read(to))).toString()).toBe('content')
  })

  test('that a killed move left under both names is moved by the next', async () => {
    await store.write(store.uriOf('one'), bytes)
    await link(join(root, 'one'), join(root, 'two'))
    await store.move(store.uriOf('one'), store.uriOf('two'))
    expect(await readdir(root)).toEqual(['two'])
  })
})

describe('nothing outside the root is touched', () => {
  test.each([
    ['file:///etc/passwd', /not below its root/],
    ['file://ROOT/../outside', /\. or \.\./],
    ['file://ROOT/./inside', /\. or \.\./],
    ['file://ROOT/%2e%2E/outside', /\. or \.\./],
    ['file://ROOT/a%2F..%2F..%2Foutside', /percent-encoding/],
    ['file://ROOT/a%2Fb', /percent-encoding/],
    ['file://ROOT/a%00b', /NUL/],
    ['file://ROOT/a\0b', /NUL/],
    ['file://ROOT/100%', /percent-encoding/],
    ['file://ROOT/%ff', /percent-encoding/],
    ['file://ROOT/a\ud800', /Unicode/],
    ['file://ROOT/a?b', /no \? and no #/],
    ['file://ROOT/a#b', /no \? and no #/],
    ['file://ROOT-beside/file', /not below its root/],
    ['file://ROOT', /not below its root/],
    ['file://ROOT/', /slash/],
    ['file://ROOT/folder/', /slash/],
    ['file://localhost/ROOT/file', /no file/],
    ['file:ROOT/file', /no file/],
    ['ROOT/file', /no file/],
    ['https://example.com/file', /no file/],
    ['s3://bucket/file', /no file/],
    ['', /no file/],
  ])('by %j', async (pattern, reason) => {
    await store.write(store.uriOf('real'), bytes)
    const uri = pattern.replace('ROOT', root)
    expect(store.contains(uri)).toBe(false)
    await expectRefused(uri, reason)
    expect(await readdir(folder)).toEqual(['root'])
  })

  test.each(['..', 'a/../b', '.', '/etc', 'a/', '', 'a\0', 'a//b'])('by the path %j', (path) => {
    expect(() => store.uriOf(path)).toThrow(expect.objectContaining({ exitCode: 5 }))
  })

  test('by a folder that is a symbolic link, wherever it leads', async () => {
    await store.write(store.uriOf('real'), bytes)
    await mkdir(join(folder, 'outside'))
    await writeFile(join(folder, 'outside/precious'), 'precious')
    await symlink(join(folder, 'outside'), join(root, 'out'))
    await symlink('nowhere', join(root, 'dangling'))
    await mkdir(join(root, 'inner'))
    await symlink('inner', join(root, 'alias'))
    for (const path of ['out/precious', 'out/new', 'out/deeper/new', 'dangling/a', 'alias/a']) {
      await expectRefused(store.uriOf(path), /symbolic link/)
    }
    expect(await readdir(join(folder, 'outside'))).toEqual(['precious'])
    expect(await readdir(join(root, 'inner'))).toEqual([])
  })

  test('by a file that is a symbolic link, or none at all', async () => {
    await store.write(store.uriOf('real'), bytes)
    await writeFile(join(folder, 'precious'), 'precious')
    await symlink(join(folder, 'precious'), join(root, 'link'))
    await mkdir(join(root, 'folder'))
    execFileSync('mkfifo', [join(root, 'fifo')])
    for (const [name, reason] of [
      ['link', /symbolic link/],
      ['folder', /folder/],
      ['fifo', /pipe/],
    ] as const) {
      for (const [use, call] of uses.filter(([each]) => each !== 'move to')) {
        await expect(call(store.uriOf(name)), `${use} ${name}`).rejects.toMatchObject({ exitCode: 5 })
      }
      await expect(store.move(store.uriOf('real'), store.uriOf(name))).rejects.toMatchObject({ exitCode: 5 })
      expect(await store.remove([store.uriOf(name)])).toEqual([
        { outcome: 'refused', reason: expect.stringMatching(reason) },
      ])
    }
    expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('precious')
    expect((await readdir(root)).toSorted()).toEqual(['fifo', 'folder', 'link', 'real'])
  })

  test('by a link put in the place of a folder while its files are removed', async ({ skip }) => {
    if (process.platform !== 'linux') return skip('needs /proc')
    const names = Array.from({ length: 1_000 }, (_, index) => `f${index}`)
    const outside = join(folder, 'outside')
    for (const name of [outside, join(root, 'd')]) {
      mkdirSync(name)
      for (const file of names) writeFileSync(join(name, file), '')
    }
    const removing = store.remove(names.map((name) => store.uriOf(`d/${name}`)))
    await until('some of them are gone', async () => readdirSync(join(root, 'd')).length < 950)
    renameSync(join(root, 'd'), join(folder, 'away'))
    symlinkSync(outside, join(root, 'd'))
    expect(readdirSync(join(folder, 'away')).length).toBeGreaterThan(0)
    await removing
    expect(readdirSync(outside).length).toBe(1_000)
    expect(readdirSync(join(folder, 'away'))).toEqual([])
  })

  test('although the root itself may be reached by a link', async () => {
    await symlink(root, join(folder, 'current'))
    const linked = new FileStore({ name: 'linked', url: `file://${folder}/current/` })
    await linked.write(linked.uriOf('a/b'), bytes)
    expect(await readFile(join(root, 'a/b'), 'utf8')).toBe('content')
    expect(await linked.remove([linked.uriOf('a/b')])).toEqual([{ outcome: 'removed' }])
  })
})

describe('a root', () => {
  test.each(['s3://bucket/prefix', 'file://relative/path', 'nonsense', 'file:///', 'file:///a/../b', 'file:///a?b'])(
    'is not made from %s',
    (url) => {
      expect(() => new FileStore({ name: 'x', url })).toThrow(expect.objectContaining({ exitCode: 2 }))
    },
  )

  test('that is not there is an error, and not a store whose files are all gone', async () => {
    await rm(root, { recursive: true })
    const uri = store.uriOf('a')
    const missing = { code: 'store-missing', exitCode: 6, message: 'The root folder of store files is not there' }
    await expect(store.stat(uri)).rejects.toMatchObject(missing)
    await expect(store.remove([uri])).rejects.toMatchObject(missing)
    await expect(store.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(missing)
    expect(await store.exists()).toBe(false)
    await store.write(uri, bytes)
    expect(await store.exists()).toBe(true)
  })

  test('works no more once a stop is asked for', async () => {
    const stop = new AbortController()
    const stopped = new FileStore({ name: 'files', url: `file://${root}` }, { signal: stop.signal })
    await stopped.write(stopped.uriOf('a'), bytes)
    stop.abort(new InterruptedError('SIGTERM'))
    await expect(stopped.remove([stopped.uriOf('a')])).rejects.toMatchObject({ exitCode: 143 })
    await expect(stopped.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ exitCode: 143 })
    expect(await readdir(root)).toEqual(['a'])
  })
})
