/**
 * What a vacuum did to the space of a table: what became free for new rows, and what went back to the operating system.
 * The one is an estimate from VACUUM's own report (how much is free in each page only the extension pg_freespacemap
 * tells), the other is measured.
 */
import type { Queryable } from '../db/database.ts'
import { sql } from '../model/sql.ts'
import type { Item } from './job.ts'

/** Sizes of a table on disk, in bytes. */
export interface Space {
  /**
   * The main forks of the table and its TOAST table. A first vacuum also writes the free space and visibility maps;
   * counting those would make it look as if it had taken space.
   */
  readonly bytes: bigint
  readonly toastBytes: bigint
  /** Of the average row with its header, from the last ANALYZE; null where there was none. */
  readonly rowBytes: number | null
  readonly blockSize: number
}

export function spaceOf(db: Queryable, { schema, table }: Pick<Item, 'schema' | 'table'>): Promise<Space> {
  return db.one<Space>(sql`
    SELECT
      pg_relation_size(c.oid) AS bytes,
      COALESCE(pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS "toastBytes",
      (
        -- A row's header of 24 bytes and its pointer of 4, and its length rounded up to 8 (PostgreSQL manual, 66.6).
        SELECT (CEIL((SUM(s.avg_width * (1 - s.null_frac)) + 24) / 8) * 8 + 4)::float8
        FROM pg_catalog.pg_stats AS s
        WHERE s.schemaname = n.nspname
          AND s.tablename = c.relname
          AND NOT s.inherited
      ) AS "rowBytes",
      current_setting('block_size')::integer AS "blockSize"
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = format('%I.%I', ${schema}::text, ${table}::text)::regclass`)
}

/** What VACUUM VERBOSE told of one table, its indexes and its TOAST table. */
export class VacuumReport {
  /** Row versions removed from the table itself; undefined before it said so. */
  removed: bigint | undefined
  #remaining = 0n
  #toastRemoved = 0n
  #toastRemaining = 0n
  #indexPages = 0n

  /** Takes one message; those of other kinds change nothing. */
  read(message: string): void {
    const tuples = removedRows(message)
    if (tuples !== undefined) {
      const remaining = BigInt(
        /(\d+) remain, (?:\d+ are )?dead|found \d+ removable, (\d+)/.exec(message)?.slice(1).find(Boolean) ?? '0',
      )
      if (/pg_toast/.test(message)) {
        this.#toastRemoved = tuples
        this.#toastRemaining = remaining
      } else {
        this.removed = tuples
        this.#remaining = remaining
      }
    }
    for (const [, pages] of message.matchAll(/(\d+) newly deleted/g)) this.#indexPages += BigInt(pages ?? '0')
  }

  /**
   * Bytes that became free for new rows: those of the removed rows, less what went back to the operating system, and
   * the index pages that hold nothing any more. An estimate: by the average row, and without the free space that was
   * there before.
   */
  freedBytes(before: Space, after: Space): bigint {
    const rowBytes = before.rowBytes ?? average(before.bytes, (this.removed ?? 0n) + this.#remaining)
    const rows = Number(this.removed ?? 0n) * rowBytes
    const chunks = Number(this.#toastRemoved) * average(before.toastBytes, this.#toastRemoved + this.#toastRemaining)
    const heap = within(rows - Number(before.bytes - after.bytes), Number(after.bytes))
    const toast = within(chunks - Number(before.toastBytes - after.toastBytes), Number(after.toastBytes))
    return BigInt(Math.round(heap + toast)) + this.#indexPages * BigInt(before.blockSize)
  }
}

/**
 * Row versions that a VERBOSE message says were removed: `tuples: 17 removed` since PostgreSQL 15,
 * `found 17 removable` before.
 */
export function removedRows(message: string): bigint | undefined {
  const match = /tuples: (\d+) removed|found (\d+) removable/.exec(message)
  return match ? BigInt(match[1] ?? match[2] ?? '0') : undefined
}

function average(bytes: bigint, rows: bigint): number {
  return rows === 0n ? 0 : Number(bytes) / Number(rows)
}

function within(bytes: number, most: number): number {
  return Math.min(Math.max(bytes, 0), most)
}
