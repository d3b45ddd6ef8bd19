/** Turns what a transaction produces bit by bit into an async iterable that the consumer drives. */
import type { Database, Transaction, TransactionOptions } from '../db/database.ts'
import { inBatches } from '../model/several.ts'
import type { Sql } from '../model/sql.ts'

/**
 * Rows of one statement through a server-side cursor: one snapshot, flat memory.
 *
 * @param batch rows fetched at a time
 */
export async function* streamRows<T extends object>(
  db: Database,
  statement: Sql,
  batch = 1000,
): AsyncGenerator<T, void, undefined> {
  const batches = fromTransaction(db, (transaction) => inBatches(transaction.stream<T>(statement, batch), batch))
  for await (const rows of batches) yield* rows
}

/**
 * What `produce` yields inside a read-only transaction. The transaction begins with the first item asked for and ends
 * when the consumer has the last one or stops early; the producer is never more than one item ahead.
 */
export async function* fromTransaction<T extends object>(
  db: Database,
  produce: (transaction: Transaction) => AsyncIterable<T>,
  options: TransactionOptions = {},
): AsyncGenerator<T, void, undefined> {
  const handoff = new Handoff<T>()
  const finished = db
    .transaction(
      async (transaction) => {
        for await (const item of produce(transaction)) {
          // Rolls back, which also ends a COPY in the middle of its data.
          if (!(await handoff.give(item))) throw new ReaderLeft()
        }
      },
      { ...options, readOnly: true },
    )
    .finally(() => handoff.end())
  // Awaited below; without a handler an early failure would count as unhandled while the consumer is busy.
  finished.catch(() => {})
  let left = true
  try {
    for (let item = await handoff.take(); item; item = await handoff.take()) yield item
    left = false
  } finally {
    handoff.stop()
    // To a reader that left, how the rest ended does not matter, only that it did.
    await finished.catch((error: unknown) => {
      if (!left) throw error
    })
  }
}

/** Ends the transaction of a reader that wants no more; seen by nobody. */
class ReaderLeft extends Error {}

/** Passes items from one producer to one consumer, one at a time. */
class Handoff<T> {
  #item: T | undefined
  #ended = false
  #stopped = false
  #wakeProducer = () => {}
  #wakeConsumer = () => {}

  /** @returns false when the consumer wants no more */
  async give(item: T): Promise<boolean> {
    if (!this.#stopped) {
      this.#item = item
      this.#wakeConsumer()
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve
      })
    }
    return !this.#stopped
  }

  /** @returns undefined after the last item */
  async take(): Promise<T | undefined> {
    this.#wakeProducer()
    while (this.#item === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve
      })
    }
    const item = this.#item
    this.#item = undefined
    return item
  }

  end(): void {
    this.#ended = true
    this.#wakeConsumer()
  }

  stop(): void {
    this.#stopped = true
    this.#wakeProducer()
  }
}
