/**
 * Seed data in blocks: what is there from the beginning, then the rows of the leading entity, a block of them at a time,
 * each with all that belongs to it. A block needs nothing but the beginning, so it can be made again on its own.
 */
import type { SeedFile, SeedPart, SeedPlan, SeedTable } from './definition.ts'

interface Blocks {
  /** Rows of the leading entity, and how many of them a block has. */
  readonly size: number
  readonly block: number
  readonly first: () => SeedPart
  /** The part with the rows from `from`, up to `to` and without it. */
  readonly between: (from: number, to: number) => SeedPart
  /** What can only be made when all blocks are. */
  readonly last?: () => SeedPart
  /** Files of the same rows. */
  readonly files?: (from: number, to: number) => Iterable<SeedFile>
}

export function inBlocks({ size, block, first, between, last, files }: Blocks): SeedPlan {
  const blocks = Math.ceil(size / block)
  const bounds = (index: number) => [index * block, Math.min(size, (index + 1) * block)] as const
  return {
    parts: 1 + blocks + (last === undefined ? 0 : 1),
    part(index) {
      if (index === 0) return first()
      return last !== undefined && index > blocks ? last() : between(...bounds(index - 1))
    },
    *files() {
      if (files === undefined) return
      for (let index = 0; index < blocks; index++) yield* files(...bounds(index))
    },
  }
}

/** Rows for each row of an entity, by table. */
type Shares = Readonly<Record<string, number>>

/**
 * How many rows to expect in each table.
 *
 * @param shares pairs of how many rows an entity has, and the rows for each of them; a table may be in several
 */
export function rowsExpected(
  tables: readonly SeedTable[],
  ...shares: readonly (readonly [count: number, rows: Shares])[]
): ReadonlyMap<string, number> {
  const rowsOf = (table: string) => shares.reduce((sum, [count, rows]) => sum + count * (rows[table] ?? 0), 0)
  return new Map(tables.map(({ table }) => [table, Math.round(rowsOf(table))]))
}
