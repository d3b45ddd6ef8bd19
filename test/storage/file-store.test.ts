import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileStore } from '../../src/storage/file-store.ts'

let folder: string
let store: FileStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-store-'))
  store = new FileStore({ name: 'files', url: `file://${folder}/root` })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = Buffer.from('content')
const sha256 = createHash('sha256').update(bytes).digest('hex')

describe('a file', () => {
  test('is written, told of, read, removed once, and the folders above go with the last', async () => {
    const uri = `${store.url}/o_1/a%20b/shot.png`
    expect(await store.write(uri, bytes)).toEqual({ bytes: 7, sha256 })
    expect(await readFile(join(folder, 'root/o_1/a b/shot.png'), 'utf8')).toBe('content')
    expect(await store.stat(uri)).toEqual({
      uri,
      path: 'o_1/a b/shot.png',
      bytes: 7,
      modifiedAt: expect.any(Date),
    })
    expect(await buffer(await store.read(uri))).toEqual(bytes)
    expect(await readdir(join(folder, 'root/o_1/a b'))).toEqual(['shot.png'])

    expect(await store.remove([uri, uri])).toContainEqual({ outcome: 'removed' })
    expect(await store.remove([uri])).toEqual([{ outcome: 'missing' }])
    expect(await store.stat(uri)).toBeUndefined()
    await expect(store.read(uri)).rejects.toMatchObject({ exitCode: 4 })
    expect(await readdir(join(folder, 'root'))).toEqual([])
  })

  test('leaves folders alone that hold something else', async () => {
    await store.write(`${store.url}/shared/one`, bytes)
    await store.write(`${store.url}/shared/two`, bytes)
    await store.remove([`${store.url}/shared/one`])
    expect(await readdir(join(folder, 'root/shared'))).toEqual(['two'])
  })
})
