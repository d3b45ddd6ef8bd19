/** Counts the rows that pass by in an export, from the bytes alone. */

export interface RowCounter {
  /** Rows seen to their end so far, the header not among them. */
  readonly rows: number
  add(chunk: Buffer): void
}

const NEWLINE = 10
const QUOTE = 34

/** NDJSON: a row ends at every newline. CSV: at a newline outside quotes, and the first one ends the header. */
export function rowCounter(format: 'csv' | 'ndjson'): RowCounter {
  return format === 'csv' ? new CsvCounter() : new LineCounter()
}

class LineCounter implements RowCounter {
  rows = 0

  add(chunk: Buffer): void {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) this.rows++
  }
}

class CsvCounter implements RowCounter {
  #lines = 0
  /** A doubled quote toggles twice, so parity is enough. */
  #quoted = false

  get rows(): number {
    return Math.max(0, this.#lines - 1)
  }

  add(chunk: Buffer): void {
    // One pass over every byte: a search for each quote would cost more where JSON is full of them.
    let quoted = this.#quoted
    let lines = this.#lines
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === QUOTE) quoted = !quoted
      else if (byte === NEWLINE && !quoted) lines++
    }
    this.#quoted = quoted
    this.#lines = lines
  }
}
