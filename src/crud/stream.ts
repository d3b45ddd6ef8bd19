/** Turns a cursor inside a transaction into an async iterable that the consumer drives. */
import type { Database } from '../db/database.ts'
import type { Sql } from '../model/sql.ts'

/**
 * Rows of one statement through a server-side cursor: one snapshot, flat memory. The transaction begins with the first
 * row and ends when the consumer has the last one or stops early.
 *
 * @param batch rows fetched at a time
 */
export async function* streamRows<T extends object>(
  db: Database,
  statement: Sql,
  batch = 1000,
): AsyncGenerator<T, void, undefined> {
  const handoff = new Handoff<T>()
  const finished = db
    .transaction(
      async (transaction) => {
        let rows: T[] = []
        for await (const row of transaction.stream<T>(statement, batch)) {
          rows.push(row)
          if (rows.length < batch) continue
          if (!(await handoff.give(rows))) return
          rows = []
        }
        if (rows.length > 0) await handoff.give(rows)
      },
      { readOnly: true },
    )
    .finally(() => handoff.end())
  // Awaited below; without a handler an early failure would count as unhandled while the consumer is busy.
  finished.catch(() => {})
  try {
    for (let rows = await handoff.take(); rows; rows = await handoff.take()) yield* rows
  } finally {
    handoff.stop()
    await finished
  }
}

/** Passes batches from one producer to one consumer, one at a time, so that neither runs ahead. */
class Handoff<T> {
  #batch: T[] | undefined
  #ended = false
  #stopped = false
  #wakeProducer = () => {}
  #wakeConsumer = () => {}

  /** @returns false when the consumer wants no more */
  async give(batch: T[]): Promise<boolean> {
    if (!this.#stopped) {
      this.#batch = batch
      this.#wakeConsumer()
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve
      })
    }
    return !this.#stopped
  }

  /** @returns undefined after the last batch */
  async take(): Promise<T[] | undefined> {
    this.#wakeProducer()
    while (this.#batch === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve
      })
    }
    const batch = this.#batch
    this.#batch = undefined
    return batch
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
