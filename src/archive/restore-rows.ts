/** Sets of rows of archive tables, each known by its table and its place (ctid), with the batch that it belongs to. */

export class RowSet {
  readonly #tables = new Map<string, Map<string, bigint>>()

  /** @returns false when the row was in it already */
  add(table: string, row: string, batch: bigint): boolean {
    let rows = this.#tables.get(table)
    if (rows === undefined) {
      rows = new Map()
      this.#tables.set(table, rows)
    }
    if (rows.has(row)) return false
    rows.set(row, batch)
    return true
  }

  delete(table: string, row: string): void {
    this.#tables.get(table)?.delete(row)
  }

  has(table: string, row: string): boolean {
    return this.#tables.get(table)?.has(row) ?? false
  }

  /** Places of a table's rows, for `ctid = ANY (…::tid[])`. */
  rows(table: string): string[] {
    return [...(this.#tables.get(table)?.keys() ?? [])]
  }

  /** Batch by place. */
  of(table: string): ReadonlyMap<string, bigint> {
    return this.#tables.get(table) ?? new Map()
  }

  batchOf(table: string, row: string): bigint | undefined {
    return this.#tables.get(table)?.get(row)
  }

  /** Tables with a row at least. */
  get tables(): string[] {
    return [...this.#tables].filter(([, rows]) => rows.size > 0).map(([table]) => table)
  }

  get size(): number {
    let size = 0
    for (const rows of this.#tables.values()) size += rows.size
    return size
  }

  /** Batches that any of the rows belongs to. */
  get batches(): Set<bigint> {
    return new Set([...this.#tables.values()].flatMap((rows) => [...new Set(rows.values())]))
  }

  addAll(other: RowSet): void {
    for (const table of other.tables) {
      for (const [row, batch] of other.of(table)) this.add(table, row, batch)
    }
  }
}
