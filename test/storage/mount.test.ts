/** A small file system mounted below the root: moves across, and a disk that is full. Only root may mount one. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileStore } from '../../src/storage/file-store.ts'

const mount = (folder: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'steward-test', folder])

async function canMount(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'steward-mount-'))
  const did = mount(folder).status === 0
  if (did) execFileSync('umount', [folder])
  await rm(folder, { recursive: true })
  return did
}

describe.runIf(await canMount())('a file system below the root', () => {
  let root: string
  let store: FileStore
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'steward-store-'))
    store = new FileStore({ name: 'files', url: `file://${root}` })
    await mkdir(join(root, 'small'))
    mount(join(root, 'small'))
  })
  afterEach(async () => {
    execFileSync('umount', ['-l', join(root, 'small')])
    await rm(root, { recursive: true, force: true })
  })

  test('takes files that are moved across, with their time, replacing none', async () => {
    const [from, to] = [store.uriOf('a/one'), store.uriOf('small/b/one')]
    await store.write(from, Buffer.from('content'))
    await utimes(join(root, 'a/one'), 1_000_000_000, 1_000_000_000)
    await store.move(from, to)
    expect(await store.stat(to)).toMatchObject({ bytes: 7, modifiedAt: new Date(1_000_000_000_000) })
    expect(await readdir(root)).toEqual(['small'])
    expect(await readdir(join(root, 'small/b'))).toEqual(['one'])

    await store.write(from, Buffer.from('another'))
    await expect(store.move(from, to)).rejects.toMatchObject({ code: 'target-exists' })
    // A move that was killed before it removed the first.
    await store.write(from, Buffer.from('content'))
    await store.move(from, to)
    expect(await store.stat(from)).toBeUndefined()
    expect(await readdir(join(root, 'small/b'))).toEqual(['one'])
  })

  test('that is full takes nothing, keeps what it had, and is named as the reason', async () => {
    await writeFile(join(root, 'small/old'), 'old')
    const large = Readable.from(Array.from({ length: 32 }, () => Buffer.alloc(64 * 1024, 1)))
    await expect(store.write(store.uriOf('small/old'), large)).rejects.toMatchObject({
      exitCode: 6,
      code: 'store-failed',
      message: 'Store files could not write a file: no space left on device',
      hint: 'Make room on the disk of the store',
    })
    await store.write(store.uriOf('large'), Buffer.alloc(2 * 1024 * 1024))
    await expect(store.move(store.uriOf('large'), store.uriOf('small/large'))).rejects.toMatchObject({ exitCode: 6 })
    expect(await readdir(join(root, 'small'))).toEqual(['old'])
    expect((await store.stat(store.uriOf('small/old')))?.bytes).toBe(3)
    expect((await store.stat(store.uriOf('large')))?.bytes).toBe(2 * 1024 * 1024)
  })
})
