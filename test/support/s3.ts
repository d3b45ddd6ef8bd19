/**
 * An S3-compatible server for tests: s3rver, in a process of its own, on a free port of the loopback interface, its
 * objects in a temporary folder. What it lacks of S3: it lists by its folders' names and not by the keys' bytes (keys
 * like `a-b` beside `a/b` come in another order), cannot give up an upload in parts, and reads keys that are numbers as
 * numbers. Signatures of requests about the bucket itself do not match, since it takes `/bucket/` for `/bucket`; so it is
 * told not to compare them, and only knows its access key from others.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface S3Server {
  readonly endpoint: string
  readonly accessKey: string
  readonly secret: string
  /** What the SDK finds its credentials by, and nothing else of this machine's. */
  readonly env: Readonly<Record<string, string>>
  /** Puts objects there at once, by way of its folder: a request for each takes a hundred times as long. */
  seed(bucket: string, keys: readonly string[], content: string): Promise<void>
  stop(): Promise<void>
}

/** Ends with its input, so that it outlives no test run. */
const PROGRAM = `
const [directory, buckets] = process.argv.slice(1)
const S3rver = require('@20minutes/s3rver')
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  directory,
  silent: true,
  vhostBuckets: false,
  allowMismatchedSignatures: true,
  configureBuckets: JSON.parse(buckets).map((name) => ({ name })),
})
server.run().then(({ port }) => console.log(port))
process.stdin.resume().once('end', () => process.exit())
`

const ACCESS_KEY = 'S3RVER'

/** Environment that the SDK reads; without keys it has none and asks no other machine for some. */
export function sdkEnvironment(accessKey?: string, secret?: string): Record<string, string> {
  return {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    ...(accessKey === undefined || secret === undefined
      ? {}
      : { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secret }),
  }
}

export async function startS3({ buckets }: { readonly buckets: readonly string[] }): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'steward-s3-'))
  // Its continuation tokens are encrypted with DES, which OpenSSL 3 counts as legacy.
  const server = spawn(
    process.execPath,
    ['--openssl-legacy-provider', '--eval', PROGRAM, directory, JSON.stringify(buckets)],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const [port] = await Promise.race([
    once(createInterface(server.stdout), 'line'),
    once(server, 'exit').then(() => Promise.reject(new Error('the S3 server did not start'))),
  ])
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey: ACCESS_KEY,
    secret: ACCESS_KEY,
    env: sdkEnvironment(ACCESS_KEY, ACCESS_KEY),
    async seed(bucket, keys, content) {
      const made = new Set<string>()
      for (const key of keys) {
        const path = join(directory, bucket, `${key}._S3rver_object`)
        if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true })
        made.add(dirname(path))
        writeFileSync(path, content)
        writeFileSync(`${path}.md5`, createHash('md5').update(content).digest('hex'))
      }
    },
    async stop() {
      if (server.exitCode === null) {
        const ended = once(server, 'exit')
        server.stdin.end()
        await ended
      }
      await rm(directory, { recursive: true, force: true })
    },
  }
}
