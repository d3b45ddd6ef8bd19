import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { S3Store } from '../../src/storage/s3-store.ts'
import { type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { type S3Server, startS3 } from '../support/s3.ts'

let s3: S3Server
let proxy: FaultyProxy
let store: S3Store
beforeAll(async () => {
  s3 = await startS3({ buckets: ['artifacts'] })
  proxy = await faultyProxy(s3.endpoint)
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await proxy.close()
  await s3.stop()
})
let number = 0
beforeEach(() => {
  proxy.reset()
  store = storeAt(`p${++number}`)
})

function storeAt(prefix: string, options: ConstructorParameters<typeof S3Store>[1] = {}): S3Store {
  return new S3Store({ name: 's3', url: `s3://artifacts/${prefix}`, endpoint: proxy.endpoint }, options)
}

async function paths(listing: AsyncIterable<{ readonly path: string }>): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of listing) found.push(path)
  return found
}

const bytes = Buffer.from('content')
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

describe('an object', () => {
  test('is written, told of, read and removed', async () => {
    const uri = store.uriOf('o_1/shot.png')
    expect(await store.write(uri, bytes)).toEqual({ bytes: 7, sha256: sha256(bytes) })
    expect(await store.stat(uri)).toEqual({ uri, path: 'o_1/shot.png', bytes: 7, modifiedAt: expect.any(Date) })
    expect(await buffer(await store.read(uri))).toEqual(bytes)
    expect(await store.remove([uri])).toEqual([{ outcome: 'removed' }])
    expect(await store.stat(uri)).toBeUndefined()
    await expect(store.read(uri)).rejects.toMatchObject({ exitCode: 4, code: 'no-such-file' })
    // S3 does not tell; that it is gone is what counts.
    expect(await store.remove([uri])).toEqual([{ outcome: 'removed' }])
  })

  // s3rver escapes & < > ' twice, and knows no empty segments.
  test.each(['a b+c.png', '100%.png', 'what?', 'frag#ment', 'ünï/ço∂é 😀.png', '%2e%2e/z', '"q"!*()=;:@,$'])(
    'may have any characters in its key: %s',
    async (key) => {
      const uri = `${store.url}/${key}`
      await store.write(uri, bytes)
      expect(await paths(store.list(''))).toEqual([key])
      expect((await store.stat(uri))?.bytes).toBe(7)
      expect(await store.remove([uri])).toEqual([{ outcome: 'removed' }])
      expect(await paths(store.list(''))).toEqual([])
    },
  )
})
