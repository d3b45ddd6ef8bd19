import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { InterruptedError } from '../../src/errors.ts'
import { S3Connection } from '../../src/storage/s3-connection.ts'
import { moveObject } from '../../src/storage/s3-move.ts'
import { S3Store } from '../../src/storage/s3-store.ts'
import type { Skipped } from '../../src/storage/store.ts'
import { type Fault, type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { type S3Server, sdkEnvironment, startS3 } from '../support/s3.ts'

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

const operations = () => proxy.asked.map(({ operation }) => operation)

/** Bytes that differ from part to part. */
const content = (size: number) => Buffer.from(Uint32Array.from({ length: size / 4 }, (_, index) => index).buffer)

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

describe('an object in parts', () => {
  const KIB = 1024
  /** Servers of the real S3 take parts from 5 MiB only. */
  const limits = { partBytes: 16 * KIB }
  beforeEach(() => {
    store = storeAt(`p${number}`, { limits })
  })

  test('is what a stream gave, in parts of equal size', async () => {
    const whole = content(40 * KIB)
    const stream = Readable.from([
      whole.subarray(0, 3 * KIB),
      whole.subarray(3 * KIB, 30 * KIB),
      whole.subarray(30 * KIB),
    ])
    const uri = store.uriOf('large')
    expect(await store.write(uri, stream)).toEqual({ bytes: 40 * KIB, sha256: sha256(whole) })
    expect(sha256(await buffer(await store.read(uri)))).toBe(sha256(whole))
    expect(operations().slice(0, 6)).toEqual([
      'CreateMultipartUpload',
      'UploadPart',
      'UploadPart',
      'UploadPart',
      'CompleteMultipartUpload',
      'HeadObject',
    ])
  })

  test('is one request when it is small, empty, or of one part', async () => {
    for (const size of [0, 4, 16 * KIB]) {
      const uri = store.uriOf(`${size}`)
      expect(await store.write(uri, Readable.from([Buffer.alloc(size)]))).toMatchObject({ bytes: size })
      expect((await store.stat(uri))?.bytes).toBe(size)
    }
    expect(operations().filter((name) => name !== 'HeadObject')).toEqual(['PutObject', 'PutObject', 'PutObject'])
  })

  test('is given up when the stream fails, a part is refused, or the command is stopped', async () => {
    const failing = Readable.from(
      (async function* () {
        yield content(33 * KIB)
        throw new Error('the source failed')
      })(),
    )
    await expect(store.write(store.uriOf('x'), failing)).rejects.toThrow('the source failed')
    expect(operations().at(-1)).toBe('AbortMultipartUpload')

    proxy.reset(({ operation }, count) =>
      operation === 'UploadPart' && count > 2 ? { status: 403, code: 'AccessDenied' } : undefined,
    )
    await expect(store.write(store.uriOf('x'), content(40 * KIB))).rejects.toMatchObject({ code: 'store-denied' })
    expect(operations().at(-1)).toBe('AbortMultipartUpload')

    const stop = new AbortController()
    proxy.reset(({ operation }, count) => {
      if (operation !== 'UploadPart' || count < 3) return undefined
      stop.abort(new InterruptedError('SIGTERM'))
      return { waits: 60_000 }
    })
    const stopped = storeAt('stopped', { signal: stop.signal, limits })
    await expect(stopped.write(stopped.uriOf('x'), content(40 * KIB))).rejects.toMatchObject({ exitCode: 143 })
    expect(operations().at(-1)).toBe('AbortMultipartUpload')
    expect(await paths(store.list(''))).toEqual([])
  })
})

describe('removal', () => {
  test('takes 1,000 objects a request, and answers each in its place', async () => {
    const keys = Array.from({ length: 2_300 }, (_, index) => store.uriOf(`t/${index}.png`))
    // s3rver fails where two removals of one request find a folder empty.
    const there = [5, 999, 1_000, 2_299].map((index) => `p${number}/t/${index}.png`)
    await s3.seed('artifacts', [...there, `p${number}/t/stays`], 'content')
    proxy.reset()
    const answers = await store.remove([...keys, keys[0] ?? '', 's3://elsewhere/a', 'file:///etc/passwd'])
    expect(operations()).toEqual(['DeleteObjects', 'DeleteObjects', 'DeleteObjects'])
    expect(answers.slice(0, 2_301).every(({ outcome }) => outcome === 'removed')).toBe(true)
    expect(answers.slice(2_301)).toEqual([
      { outcome: 'refused', reason: expect.stringContaining('not in its bucket') },
      { outcome: 'refused', reason: expect.stringContaining('not in its bucket') },
    ])
    expect(await paths(store.list(''))).toEqual(['t/stays'])
  })

  test('says of each what the server says, and nothing is gone that it does not name', async () => {
    const xml = `<?xml version="1.0"?><DeleteResult><Deleted><Key>PREFIX/a</Key></Deleted>
      <Error><Key>PREFIX/b</Key><Code>AccessDenied</Code><Message>secret</Message></Error>
      <Error><Key>PREFIX/c</Key><Code>InternalError</Code></Error>
      <Error><Key>PREFIX/d</Key><Code>NoSuchKey</Code></Error></DeleteResult>`
    proxy.reset(() => ({ answers: xml.replaceAll('PREFIX', `p${number}`) }))
    expect(await store.remove(['a', 'b', 'c', 'd', 'e'].map((key) => store.uriOf(key)))).toEqual([
      { outcome: 'removed' },
      { outcome: 'failed', reason: 'its server denied access (403)' },
      { outcome: 'failed', reason: 'its server answered InternalError' },
      { outcome: 'missing' },
      { outcome: 'failed', reason: 'its server did not say what became of it' },
    ])
  })

  test('sends keys that XML cannot hold in requests of their own', async () => {
    const uris = ['a\u0001', 'b\r\n', 'c ', ' d', 'e'].map((key) => store.uriOf(key))
    for (const uri of uris.slice(1)) await store.write(uri, bytes)
    proxy.reset()
    expect((await store.remove(uris)).map(({ outcome }) => outcome)).toEqual(uris.map(() => 'removed'))
    // s3rver knows no control characters either; what counts here is how it was asked.
    expect(operations().toSorted()).toEqual(['DeleteObject', 'DeleteObject', 'DeleteObject', 'DeleteObjects'])
  })

  test.each<[string, Fault, RegExp]>([
    ['denied', { status: 403, code: 'AccessDenied' }, /denied access/],
    ['bucket gone', { status: 404, code: 'NoSuchBucket' }, /no such bucket/],
    ['wrong server', { status: 404 }, /answered 404/],
    ['broken server', { status: 500, code: 'InternalError' }, /answered 500 InternalError/],
    ['busy server', { status: 503, code: 'SlowDown' }, /slow down/],
    ['something else', { answers: '<html>hello</html>' }, /did not say|answered/],
  ])('of none, and every one marked as failed: %s', async (_, fault, reason) => {
    proxy.reset(() => fault)
    const quick = storeAt('x', { limits: { attempts: 1 } })
    const answers = await quick.remove([quick.uriOf('a'), quick.uriOf('b')])
    expect(answers).toEqual([
      { outcome: 'failed', reason: expect.stringMatching(reason) },
      { outcome: 'failed', reason: expect.stringMatching(reason) },
    ])
    expect(JSON.stringify(answers)).not.toContain('secrets')
  })
})

describe('a listing', () => {
  test('goes page by page, from anywhere, past the quarantine and folder markers', async () => {
    const names = Array.from({ length: 1_030 }, (_, index) => `f${String(index).padStart(4, '0')}`)
    const hidden = Array.from({ length: 3 }, (_, index) => `.steward-quarantine/1/${index}`)
    const keys = [...names, ...hidden].map((name) => `p${number}/${name}`)
    await s3.seed('artifacts', keys, 'content')
    await store.write(`${store.url}/marker/`, Buffer.alloc(0))
    proxy.reset()
    const skipped: Skipped[] = []
    expect(await paths(store.list('', undefined, (one) => skipped.push(one)))).toEqual(names)
    expect(operations()).toEqual(['ListObjectsV2', 'ListObjectsV2'])
    expect(skipped).toEqual([{ path: 'marker/', why: 'folder marker' }])
    expect(await paths(store.list('', 'f1020'))).toEqual(names.slice(1_021))
    expect(await paths(store.list('f000', 'f0004'))).toEqual(['f0005', 'f0006', 'f0007', 'f0008', 'f0009'])
    expect(await paths(store.list('.steward-quarantine/'))).toEqual(hidden)
    expect(await paths(store.list('nothing'))).toEqual([])
    for await (const file of store.list('f0000')) {
      expect(file).toEqual({ uri: store.uriOf('f0000'), path: 'f0000', bytes: 7, modifiedAt: expect.any(Date) })
    }
  })

  test('leaves the quarantine in one step, however many pages it has', async () => {
    const page = (keys: readonly string[], more: boolean) => ({
      answers: `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>
        ${more ? '<NextContinuationToken>t</NextContinuationToken>' : ''}${keys
          .map(
            (key) =>
              `<Contents><Key>p${number}/${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
          )
          .join('')}</ListBucketResult>`,
    })
    proxy.reset((_, count) =>
      count === 1 ? page(['.a', '.steward-quarantine/1'], true) : page(['.steward-quarantine0', 'z'], false),
    )
    expect(await paths(store.list(''))).toEqual(['.a', '.steward-quarantine0', 'z'])
    expect(new URL(proxy.asked[1]?.target ?? '', 'http://x').searchParams.get('start-after')).toBe(
      `p${number}/.steward-quarantine/\u{10FFFF}`,
    )
  })

  test('fails where the server does not keep the order, instead of missing files', async () => {
    const keys = ['b', 'a'].map(
      (key) =>
        `<Contents><Key>p${number}/${key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
    )
    proxy.reset(() => ({ answers: `<?xml version="1.0"?><ListBucketResult>${keys.join('')}</ListBucketResult>` }))
    await expect(paths(store.list(''))).rejects.toMatchObject({ code: 'listing-disordered', exitCode: 6 })
  })

  test('ends when a stop is asked for', async () => {
    const stop = new AbortController()
    const stopped = storeAt('stopped', { signal: stop.signal })
    proxy.reset(() => ({ waits: 60_000 }))
    setTimeout(() => stop.abort(new InterruptedError('SIGINT')), 50)
    await expect(paths(stopped.list(''))).rejects.toMatchObject({ exitCode: 130 })
  })
})

describe('a move', () => {
  test('copies within the server, compares, removes, and replaces nothing', async () => {
    const [from, to] = [store.uriOf('a b/ü%1'), store.uriOf('.steward-quarantine/7/a b/ü%1')]
    await store.write(from, bytes)
    proxy.reset()
    await store.move(from, to)
    expect(operations()).toEqual([
      'HeadObject',
      'HeadObject',
      'GetObject',
      'CopyObject',
      'HeadObject',
      'DeleteObject',
    ])
    expect(await store.stat(from)).toBeUndefined()
    expect(await buffer(await store.read(to))).toEqual(bytes)
    await expect(store.move(from, to)).rejects.toMatchObject({ exitCode: 4 })
    await store.write(from, Buffer.from('another'))
    await expect(store.move(from, to)).rejects.toMatchObject({ exitCode: 5, code: 'target-exists' })
    await expect(store.move(to, to)).rejects.toMatchObject({ code: 'target-exists' })
    expect(await buffer(await store.read(to))).toEqual(bytes)
  })

  test('that was killed after the copy is ended by the next', async () => {
    const [from, to] = [store.uriOf('one'), store.uriOf('two')]
    await store.write(from, bytes)
    proxy.reset(({ operation }) => (operation === 'DeleteObject' ? { status: 403, code: 'AccessDenied' } : undefined))
    await expect(store.move(from, to)).rejects.toMatchObject({ code: 'store-denied' })
    proxy.reset()
    await store.move(from, to)
    expect(await paths(store.list(''))).toEqual(['two'])
  })

  test('of more than one request may copy goes in parts', async () => {
    await store.write(store.uriOf('large'), content(8_000))
    proxy.reset()
    const connection = new S3Connection({ name: 's3', url: '', endpoint: proxy.endpoint }, {})
    const move = { bucket: 'artifacts', from: `p${number}/large`, to: `p${number}/moved` }
    await moveObject(connection, move, { most: 1_000, part: 3_000 })
    expect(operations().filter((name) => name === 'UploadPartCopy').length).toBe(3)
    expect(await buffer(await store.read(store.uriOf('moved')))).toEqual(content(8_000))
    expect(await paths(store.list(''))).toEqual(['moved'])
    await connection.close()
  })
})

describe('nothing outside the bucket and the prefix is touched', () => {
  test.each([
    's3://artifacts/elsewhere/a',
    's3://artifacts/PREFIX',
    's3://artifacts/PREFIX/',
    's3://artifacts/PREFIX-beside/a',
    's3://artifacts/PREFIX/../a',
    's3://artifacts/PREFIX/a/./b',
    's3://artifacts/PREFIX/a\0',
    's3://artifacts/PREFIX/\ud800',
    's3://other/PREFIX/a',
    'S3://artifacts/PREFIX/a',
    'https://artifacts/PREFIX/a',
  ])('by %j', async (pattern) => {
    const uri = pattern.replace('PREFIX', `p${number}`)
    expect(store.contains(uri)).toBe(false)
    for (const use of [
      store.stat(uri),
      store.read(uri),
      store.write(uri, bytes),
      store.move(uri, store.uriOf('x')),
      store.move(store.uriOf('x'), uri),
    ]) {
      await expect(use).rejects.toMatchObject({ exitCode: 5, code: 'outside-store' })
    }
    expect(await store.remove([uri])).toEqual([{ outcome: 'refused', reason: expect.any(String) }])
    expect(proxy.asked).toEqual([])
  })

  test.each(['s3://', 's3://UPPER/x', 's3://bucket/../x', 'file:///x', 's3://b'])('%s is no store', (url) => {
    expect(() => new S3Store({ name: 'x', url })).toThrow(expect.objectContaining({ exitCode: 2 }))
  })
})

describe('a server that', () => {
  /** Answers to HEAD have no body; what could pass, or is no answer of S3's, is not asked for by another request. */
  const isVague = (use: string, fault: Fault) =>
    (use === 'stat' || use === 'move') && !('status' in fault && [301, 403, 404].includes(fault.status ?? 0))

  test.each<[string, Fault, { code: string; exitCode: number; message: RegExp }]>([
    [
      'denies',
      { status: 403, code: 'AccessDenied' },
      { code: 'store-denied', exitCode: 6, message: /denied access \(403\)$/ },
    ],
    [
      'does not know the key',
      { status: 403, code: 'InvalidAccessKeyId' },
      { code: 'store-credentials', exitCode: 3, message: /refused the credentials \(InvalidAccessKeyId\)$/ },
    ],
    [
      'has no such bucket',
      { status: 404, code: 'NoSuchBucket' },
      { code: 'no-such-bucket', exitCode: 6, message: /no such bucket$/ },
    ],
    ['is no S3 server', { status: 404 }, { code: 'store-failed', exitCode: 6, message: /answered 404/ }],
    [
      'fails',
      { status: 500, code: 'InternalError' },
      { code: 'store-failed', exitCode: 6, message: /answered 500 InternalError$/ },
    ],
    [
      'is busy',
      { status: 503, code: 'SlowDown' },
      { code: 'store-busy', exitCode: 6, message: /asked to slow down/ },
    ],
    [
      'is in another region',
      { status: 301, code: 'PermanentRedirect' },
      { code: 'store-failed', exitCode: 6, message: /another region$/ },
    ],
    [
      'says nonsense',
      { status: 418, code: 'no <b>code</b> at all' },
      { code: 'store-failed', exitCode: 6, message: /answered 418/ },
    ],
    [
      'breaks the connection',
      { breaks: 'unheard' },
      { code: 'store-unreachable', exitCode: 3, message: /broke the connection \(ECONNRESET\)$/ },
    ],
    [
      'does not answer',
      { waits: 60_000 },
      { code: 'store-unreachable', exitCode: 3, message: /did not answer in time$/ },
    ],
    [
      'stops in the middle',
      { half: 'hangs' },
      { code: 'store-unreachable', exitCode: 3, message: /did not answer in time$/ },
    ],
  ])('%s ends each use with its own error', async (_, fault, error) => {
    await store.write(store.uriOf('a'), bytes)
    const quick = storeAt(`p${number}`, { limits: { attempts: 1, requestMs: 150, idleMs: 100 } })
    proxy.reset(() => fault)
    const uses: (readonly [string, () => Promise<unknown>])[] = [
      ['list', () => paths(quick.list(''))],
      ['read', async () => buffer(await quick.read(quick.uriOf('a')))],
      // An answer to HEAD, and the one to PUT, have no body to stop in.
      ...('half' in fault
        ? []
        : ([
            ['stat', () => quick.stat(quick.uriOf('a'))],
            ['write', () => quick.write(quick.uriOf('b'), bytes)],
            ['move', () => quick.move(quick.uriOf('a'), quick.uriOf('c'))],
          ] as const)),
    ]
    for (const [use, call] of uses) {
      await expect(call(), use).rejects.toMatchObject({
        exitCode: error.exitCode,
        ...(isVague(use, fault) ? {} : { code: error.code }),
        message: expect.stringMatching(isVague(use, fault) ? /./ : error.message),
        hint: expect.any(String),
      })
    }
    if (error.exitCode === 3) await expect(quick.remove([quick.uriOf('a')])).rejects.toMatchObject({ exitCode: 3 })
    await quick.close()
  })

  test('drips does not hold the command for ever', async () => {
    const dripping = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' })
      const drip = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(drip))
    }).listen(0, '127.0.0.1')
    await once(dripping, 'listening')
    const endpoint = `http://127.0.0.1:${(dripping.address() as AddressInfo).port}`
    const limits = { attempts: 1, requestMs: 100, idleMs: 100, overallMs: 300 }
    const slow = new S3Store({ name: 's3', url: 's3://artifacts', endpoint }, { limits })
    await expect(paths(slow.list(''))).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/in time$/),
    })
    await slow.close()
    dripping.closeAllConnections()
    dripping.close()
  })

  test('fails once or twice is asked again', async () => {
    proxy.reset((_, count) => (count < 3 ? { status: 503, code: 'SlowDown' } : undefined))
    await store.write(store.uriOf('a'), bytes)
    expect(operations()).toEqual(['PutObject', 'PutObject', 'PutObject', 'HeadObject'])
  })

  test('ends an answer early is not believed', async () => {
    await store.write(store.uriOf('a'), content(400_000))
    proxy.reset(() => ({ half: 'breaks' }))
    await expect(buffer(await store.read(store.uriOf('a')))).rejects.toMatchObject({ exitCode: 3 })
  })

  test('is not there', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    await once(free, 'close')
    const nobody = new S3Store({ name: 's3', url: 's3://artifacts', endpoint: `http://127.0.0.1:${port}` })
    await expect(nobody.stat('s3://artifacts/a')).rejects.toMatchObject({
      exitCode: 3,
      code: 'store-unreachable',
      message: 'Store s3 could not look at a file: no connection to its server (ECONNREFUSED)',
      details: { store: 's3', errno: 'ECONNREFUSED' },
    })
  })

  test('cannot be asked without credentials', async () => {
    for (const name of Object.keys(s3.env)) vi.stubEnv(name, undefined)
    for (const [name, value] of Object.entries(sdkEnvironment())) vi.stubEnv(name, value)
    try {
      await expect(storeAt('x').stat('s3://artifacts/x/a')).rejects.toMatchObject({
        exitCode: 3,
        code: 'store-credentials',
        message: 'Store s3 could not look at a file: no credentials were found',
      })
    } finally {
      for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value)
    }
  })
})
