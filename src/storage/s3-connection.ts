/**
 * The way to an S3-compatible server: the SDK and its client, loaded and made when they are first used; requests that end
 * in bounded time; errors in our words.
 */
import { createHash } from 'node:crypto'
import type { StoreConfig } from '../config/config.ts'
import { throwIfStopped } from '../errors.ts'
import { s3Error } from './s3-errors.ts'

export type Sdk = typeof import('@aws-sdk/client-s3')
export type Client = InstanceType<Sdk['S3Client']>

/** Bounds of a request, of all its attempts, and of memory. */
export interface S3Limits {
  /** Milliseconds, like those below. */
  readonly connectMs: number
  /** Milliseconds without a byte in either direction. */
  readonly idleMs: number
  /** Until the answer begins. */
  readonly requestMs: number
  /** With all attempts, and the waits between them. */
  readonly overallMs: number
  readonly attempts: number
  /** Bytes of the first parts of a large object. S3 takes parts from 5 MiB, and 10,000 of them. */
  readonly partBytes: number
}

export interface S3Options {
  readonly signal?: AbortSignal
  readonly limits?: Partial<S3Limits>
}

export interface Call {
  readonly sdk: Sdk
  readonly client: Client
  /** Second argument of `client.send`. */
  readonly options: { readonly abortSignal: AbortSignal; readonly requestTimeout: number }
}

const LIMITS: S3Limits = {
  connectMs: 5_000,
  idleMs: 30_000,
  requestMs: 60_000,
  overallMs: 300_000,
  attempts: 4,
  partBytes: 16 * 1024 ** 2,
}

/**
 * Requests in the air at a time. The SDK has 50 sockets, and counts the wait for one as the wait for a connection: of
 * many requests at once the last would fail although the server is well.
 */
const AT_ONCE = 32

const GIVE_UP_MS = 10_000

/** Copies happen inside the server, which answers when they are done. */
export const COPY_MS = 600_000

export class S3Connection {
  readonly limits: S3Limits
  readonly store: string
  readonly #config: StoreConfig
  readonly #signal: AbortSignal | undefined
  #running = 0
  readonly #waiting: (() => void)[] = []
  #opened: Promise<{ readonly sdk: Sdk; readonly client: Client }> | undefined

  constructor(config: StoreConfig, { signal, limits }: S3Options) {
    this.#config = config
    this.store = config.name
    this.#signal = signal
    this.limits = { ...LIMITS, ...limits }
  }

  /**
   * Sends a request, and again when that promises something, each within its time and all within theirs.
   *
   * @param doing completes `Store x could not`
   * @throws what `s3Error` makes of the SDK's errors; the reason of the signal
   */
  async call<T>(doing: string, work: (call: Call) => Promise<T>, requestMs = this.limits.requestMs): Promise<T> {
    if (this.#running === AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running += 1
    try {
      return await this.#callNow(doing, work, requestMs)
    } finally {
      // Whoever waited takes the place over.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  async #callNow<T>(doing: string, work: (call: Call) => Promise<T>, requestMs: number): Promise<T> {
    this.throwIfStopped()
    const overall = AbortSignal.timeout(Math.max(requestMs, this.limits.overallMs))
    const abortSignal = this.#signal === undefined ? overall : AbortSignal.any([overall, this.#signal])
    let stopWaiting = () => {}
    const ended = new Promise<never>((_, reject) => {
      // The SDK looks at the signal until an answer begins; one that drips on is left behind here.
      stopWaiting = () => reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))
      abortSignal.addEventListener('abort', stopWaiting, { once: true })
    })
    try {
      const { sdk, client } = await this.#open()
      return await Promise.race([work({ sdk, client, options: { abortSignal, requestTimeout: requestMs } }), ended])
    } catch (error) {
      this.throwIfStopped()
      throw s3Error(error, this.store, doing)
    } finally {
      abortSignal.removeEventListener('abort', stopWaiting)
    }
  }

  /** Tidies up after a failure, also one that the signal is the reason of; what fails of it is left. */
  async giveUp(work: (call: Call) => Promise<unknown>): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    if (opened === undefined) return
    const options = { abortSignal: AbortSignal.timeout(GIVE_UP_MS), requestTimeout: GIVE_UP_MS }
    await work({ ...opened, options }).catch(() => {})
  }

  throwIfStopped(): void {
    if (this.#signal !== undefined) throwIfStopped(this.#signal)
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    opened?.client.destroy()
    this.#opened = undefined
  }

  #open(): Promise<{ readonly sdk: Sdk; readonly client: Client }> {
    this.#opened ??= import('@aws-sdk/client-s3').then(async (sdk) => ({ sdk, client: await this.#connect(sdk) }))
    return this.#opened
  }

  async #connect(sdk: Sdk): Promise<Client> {
    const { endpoint, region } = this.#config
    const { connectMs, idleMs, requestMs, attempts } = this.limits
    const make = (regionOf: string | undefined) =>
      new sdk.S3Client({
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(regionOf === undefined ? {} : { region: regionOf }),
        // Buckets have no host names of their own on most servers but Amazon's.
        forcePathStyle: this.#config.pathStyle ?? endpoint !== undefined,
        maxAttempts: attempts,
        retryMode: 'standard',
        // Servers that are not Amazon's do not know the checksums that the SDK would add to every request.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        requestHandler: {
          connectionTimeout: connectMs,
          socketTimeout: idleMs,
          requestTimeout: requestMs,
          throwOnRequestTimeout: true,
          // It would warn on the terminal when sockets are in use.
          logger: SILENT,
        },
      })
    let client = make(region)
    if (region === undefined && endpoint !== undefined && !(await hasRegion(client))) {
      client.destroy()
      // Servers without regions take any, and this is the one that they show.
      client = make('us-east-1')
    }
    addContentMd5(client)
    return client
  }
}

async function hasRegion(client: Client): Promise<boolean> {
  try {
    return (await client.config.region()) !== ''
  } catch {
    return false
  }
}

/**
 * DeleteObjects must carry a checksum. The SDK sends a CRC32, which servers before 2025 (MinIO, Ceph, GCS, OSS) do not
 * take for one: they answer MissingContentMD5. Amazon takes either, and both.
 */
function addContentMd5(client: Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { request } = args
      if (context.commandName === 'DeleteObjectsCommand' && hasBody(request)) {
        request.headers['content-md5'] = md5Of(request.body)
      }
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'stewardContentMd5' },
  )
}

function hasBody(
  request: unknown,
): request is { readonly headers: Record<string, string>; readonly body: string | Uint8Array } {
  return (
    typeof request === 'object' &&
    request !== null &&
    'headers' in request &&
    'body' in request &&
    (typeof request.body === 'string' || request.body instanceof Uint8Array)
  )
}

export function md5Of(content: string | Uint8Array): string {
  return createHash('md5').update(content).digest('base64')
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
