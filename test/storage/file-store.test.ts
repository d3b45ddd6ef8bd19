import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileStore } from '../../src/storage/file-store.ts'

let folder: string
let store: FileStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-store-'))
  store = new FileStore(`file://${folder}/root`)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = Buffer.from('content')

describe('a file store', () => {
  test('keeps a file, tells its size, removes it once, and prunes the empty folders above it', async () => {
    const uri = `${store.url}/o_1/a%20b/shot.png`
    await store.put(uri, bytes)
    expect(await readFile(join(folder, 'root/o_1/a b/shot.png'), 'utf8')).toBe('content')
    expect(await store.size(uri)).toBe(7)
    expect(await readdir(join(folder, 'root/o_1/a b'))).toEqual(['shot.png'])

    expect(await store.remove(uri)).toBe(true)
    expect(await store.remove(uri)).toBe(false)
    expect(await store.size(uri)).toBeUndefined()
    await store.prune(uri)
    expect(await readdir(join(folder, 'root'))).toEqual([])
  })

  test('leaves folders alone that hold something else', async () => {
    await store.put(`${store.url}/shared/one`, bytes)
    await store.put(`${store.url}/shared/two`, bytes)
    await store.remove(`${store.url}/shared/one`)
    await store.prune(`${store.url}/shared/one`)
    expect(await readdir(join(folder, 'root/shared'))).toEqual(['two'])
  })

  test.each([
    'file:///etc/passwd',
    'FOLDER/root/../outside',
    'FOLDER/root/%2e%2e/outside',
    'FOLDER/root-beside/file',
    'https://example.com/file',
  ])('refuses %s, reading and writing', async (pattern) => {
    const uri = pattern.replace('FOLDER', `file://${folder}`)
    expect(store.contains(uri)).toBe(false)
    await expect(store.put(uri, bytes)).rejects.toMatchObject({
      exitCode: expect.toSatisfy((code) => code === 5 || code === 2),
    })
    await expect(store.remove(uri)).rejects.toMatchObject({
      exitCode: expect.toSatisfy((code) => code === 5 || code === 2),
    })
    expect(await readdir(folder)).toEqual([])
  })

  test('follows no symbolic link out of its root', async () => {
    await mkdir(join(folder, 'root'))
    await mkdir(join(folder, 'outside'))
    await writeFile(join(folder, 'outside/precious'), 'precious')
    await symlink(join(folder, 'outside'), join(folder, 'root/way-out'))

    await expect(store.put(`${store.url}/way-out/new`, bytes)).rejects.toMatchObject({ exitCode: 5 })
    await expect(store.put(`${store.url}/way-out/deeper/new`, bytes)).rejects.toMatchObject({ exitCode: 5 })
    await expect(store.remove(`${store.url}/way-out/precious`)).rejects.toMatchObject({ exitCode: 5 })
    expect(await readdir(join(folder, 'outside'))).toEqual(['precious'])
  })

  test.each(['s3://bucket/prefix', 'file://relative/path', 'nonsense'])('is not made from %s', (url) => {
    expect(() => new FileStore(url)).toThrow(expect.objectContaining({ exitCode: 2 }))
  })
})
