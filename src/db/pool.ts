/**
 * A handful of connections, opened when needed. Unlike the driver's pool it tells the time to open a connection from
 * the time to wait for a free one, which may be as long as another statement runs.
 */
import { ConnectionError, OperationError } from '../errors.ts'
import { dial, type Link, type LinkOptions } from './link.ts'

interface Waiter {
  readonly resolve: (link: Link) => void
  readonly reject: (error: unknown) => void
}

export class Pool {
  readonly #options: LinkOptions
  readonly #size: number
  readonly #all = new Set<Link>()
  readonly #idle: Link[] = []
  readonly #waiting: Waiter[] = []
  #opening = 0
  #closed = false

  constructor(options: LinkOptions, size: number) {
    this.#options = options
    this.#size = size
  }

  /** A connection for the caller alone, until it gives it back with `release`. */
  async acquire(): Promise<Link> {
    if (this.#closed) throw closed()
    for (let link = this.#idle.pop(); link !== undefined; link = this.#idle.pop()) {
      if (link.usable) return link
      this.#forget(link)
    }
    if (this.#all.size + this.#opening >= this.#size) return this.#wait()
    this.#opening++
    try {
      const link = await dial(this.#options)
      this.#all.add(link)
      if (!this.#closed) return link
      await this.#discard(link)
      throw closed()
    } catch (error) {
      // The server has no slot for one more: make do with those there are.
      if (error instanceof ConnectionError && error.code === 'too-many-connections' && this.#all.size > 0) {
        return await this.#wait()
      }
      this.#reopenForWaiter()
      throw error
    } finally {
      this.#opening--
    }
  }

  release(link: Link): void {
    if (this.#closed || !link.usable) {
      this.#forget(link)
      this.#reopenForWaiter()
      return
    }
    const waiter = this.#waiting.shift()
    if (waiter) waiter.resolve(link)
    else this.#idle.push(link)
  }

  /** Cancels what runs and closes every connection. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closed())
    await Promise.all([...this.#all].map((link) => this.#discard(link)))
    this.#idle.length = 0
  }

  #wait(): Promise<Link> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** After a connection is gone there is room to open one for whoever waits. */
  #reopenForWaiter(): void {
    const waiter = this.#waiting.shift()
    if (waiter) this.acquire().then(waiter.resolve, waiter.reject)
  }

  #forget(link: Link): void {
    void this.#discard(link)
  }

  async #discard(link: Link): Promise<void> {
    this.#all.delete(link)
    await link.cancel()
    await link.end()
  }
}

function closed(): OperationError {
  return new OperationError({ code: 'connection-closed', message: 'The connection was closed while it was in use' })
}
