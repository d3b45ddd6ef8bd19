import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listFiles } from '../../src/storage/file-list.ts'
import { FileStore } from '../../src/storage/file-store.ts'
import { Root } from '../../src/storage/folder.ts'
import { compareBytes } from '../../src/storage/path.ts'
import type { Skipped } from '../../src/storage/store.ts'

let root: string
let store: FileStore
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'steward-list-'))
  store = new FileStore({ name: 'files', url: `file://${root}` })
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function put(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), path)
  }
}

async function listed(prefix = '', after?: string): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of store.list(prefix, after)) found.push(path)
  return found
}

/** What a listing must be, by the definition. */
function expected(paths: readonly string[], prefix: string, after?: string): string[] {
  return paths
    .filter((path) => path.startsWith(prefix))
    .filter((path) => after === undefined || Buffer.compare(Buffer.from(path), Buffer.from(after)) > 0)
    .toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
}

test('goes by the bytes of whole paths: a-b before a/b, U+FF5E before U+1F600', async () => {
  await put('a/b', 'a-b', 'a0', 'a/a-/c', 'a/a/c', '\u{1f600}', '\uff5e', 'B', 'b')
  expect(await listed()).toEqual(['B', 'a-b', 'a/a-/c', 'a/a/c', 'a/b', 'a0', 'b', '\uff5e', '\u{1f600}'])
})

test('lists what a sort of all paths lists, from anywhere, with any prefix, also in small memory', async () => {
  const segment = fc.stringMatching(/^[ab!\-/0\u{e000}😀]{1,3}$/u).filter((text) => !text.includes('/'))
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(path, { minLength: 1, maxLength: 25 }),
      fc.option(path, { nil: undefined }),
      fc.oneof(fc.constant(''), path, segment),
      fc.integer({ min: 1, max: 4 }),
      async (paths, after, prefix, names) => {
        await rm(root, { recursive: true, force: true })
        await mkdir(root)
        // A name is a file or a folder.
        const files = paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`)))
        await put(...files)
        const found: string[] = []
        const walk = { prefix, after, onSkipped: undefined, signal: undefined, names }
        for await (const file of listFiles(new Root(root, 'files'), walk)) found.push(file.path)
        expect(found).toEqual(expected(files, prefix, after))
      },
    ),
    { numRuns: 60 },
  )
})

test('compares as the bytes of UTF-8 compare', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      const bytes = Buffer.compare(Buffer.from(one), Buffer.from(other))
      expect(Math.sign(compareBytes(one, other))).toBe(bytes)
    }),
  )
})

test('gives size, time and URI, and goes on from any file', async () => {
  await put(...Array.from({ length: 150 }, (_, index) => `f/${String(index).padStart(3, '0')}`))
  const all = await listed()
  expect(all.length).toBe(150)
  expect(await listed('', all[99])).toEqual(all.slice(100))
  for await (const file of store.list('f/00', 'f/008')) {
    expect(file).toEqual({ uri: store.uriOf('f/009'), path: 'f/009', bytes: 5, modifiedAt: expect.any(Date) })
  }
})

test('passes over links, what is no file, names that are no UTF-8 and its own files, and says so', async () => {
  const temporary = '.steward-0f8fad5b-d9cb-469f-a165-70867728950e.tmp'
  await put('a/real', `a/${temporary}`, '.steward-quarantine/1/x', 'a/.steward-quarantine/not-ours')
  await symlink('real', join(root, 'a/link'))
  await symlink('a', join(root, 'folder-link'))
  execFileSync('mkfifo', [join(root, 'a/fifo')])
  await writeFile(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0x66, 0xff])]), '')
  const skipped: Skipped[] = []
  const found: string[] = []
  for await (const { path } of store.list('', undefined, (one) => skipped.push(one))) found.push(path)
  expect(found).toEqual(['a/.steward-quarantine/not-ours', 'a/real'])
  expect(skipped).toEqual([
    { path: `a/${temporary}`, why: 'temporary' },
    { path: 'a/fifo', why: 'no regular file' },
    { path: 'a/f\ufffd', why: 'name is refused' },
    { path: 'a/link', why: 'symbolic link' },
    { path: 'folder-link', why: 'symbolic link' },
  ])
  expect(await listed('.steward-quarantine/')).toEqual(['.steward-quarantine/1/x'])
})

test.each(['../', '/', 'a/../../', './'])('does not leave the root by the prefix %j', async (prefix) => {
  await expect(listed(prefix)).rejects.toMatchObject({ exitCode: 5 })
})

test('follows no link in its prefix', async () => {
  await put('real/a')
  await symlink('real', join(root, 'link'))
  await expect(listed('link/')).rejects.toMatchObject({ exitCode: 5 })
  expect(await listed('nowhere/')).toEqual([])
})
