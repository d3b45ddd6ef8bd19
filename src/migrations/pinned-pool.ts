/**
 * A pool of exactly one connection, for Knex. What the session holds (the advisory lock, its settings) must not be
 * lost unnoticed, so a connection that has died is never replaced, as Knex's own pool would do.
 */
export class PinnedPool<C extends object> {
  readonly totalCount = 1
  /** Taken from Knex's point of view; the next caller waits until it is released. */
  #turn: Promise<void> = Promise.resolve()
  #waiting = 0
  #taken = false
  readonly #connection: C
  readonly #refuse: () => Error | undefined

  /** @param refuse the error for whoever asks for a connection that is no longer usable */
  constructor(connection: C, refuse: () => Error | undefined = () => undefined) {
    this.#connection = connection
    this.#refuse = refuse
  }

  get idleCount(): number {
    return this.#taken ? 0 : 1
  }

  get waitingCount(): number {
    return this.#waiting
  }

  /** Lends the connection; Knex gives it back by calling its `release`. */
  async connect(): Promise<C & { release: () => void }> {
    const before = this.#turn
    let release = (): void => {}
    this.#turn = new Promise((resolve) => {
      release = () => {
        this.#taken = false
        resolve()
      }
    })
    this.#waiting += 1
    await before
    this.#waiting -= 1
    const refused = this.#refuse()
    if (refused) {
      release()
      throw refused
    }
    this.#taken = true
    return Object.assign(this.#connection, { release })
  }

  /** Closing the connection is its owner's affair. */
  async end(): Promise<void> {}
}
