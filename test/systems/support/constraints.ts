/** What the tests of the constraints of every system share. */
import { describe, expect, it } from 'vitest'
import type { Database, Queryable } from '../../../src/db/database.ts'
import { RefusedError } from '../../../src/errors.ts'
import { identifier, raw, type Sql, sql } from '../../../src/model/sql.ts'
import type { System } from '../../../src/model/system.ts'

/** The constraint that refuses the statement; undefined when none does. */
export async function constraintAgainst(db: Queryable, statement: Sql): Promise<unknown> {
  try {
    await db.rows(statement)
    return undefined
  } catch (error) {
    if (error instanceof RefusedError) return error.details.constraint
    throw error
  }
}

/** How many rows each table of the system has. */
export async function rowCounts(db: Database, system: System): Promise<Record<string, bigint>> {
  const found: Record<string, bigint> = {}
  for (const { table } of system.entities) {
    const { rows } = await db.one<{ rows: bigint }>(
      sql`SELECT count(*) AS rows FROM ${identifier(system.name, table)}`,
    )
    found[table] = rows
  }
  return found
}

/** Names of the checks, unique constraints and unique indexes of the system. */
export const guardsOf = ({ entities }: System): string[] =>
  entities
    .flatMap(({ checks, uniques, indexes }) => [...checks, ...uniques, ...indexes.filter(({ unique }) => unique)])
    .map(({ name }) => name)

/**
 * Tests that each constraint refuses what it should, that none is left untried, and that what lies just within them is
 * let through.
 *
 * @param refusals each constraint with a statement that it must refuse
 * @param accepted what a statement does, and the statement
 */
export function checkConstraints(
  system: System,
  db: () => Database,
  refusals: readonly (readonly [constraint: string, statement: string])[],
  accepted: readonly (readonly [what: string, statement: string])[],
): void {
  describe('checks and unique constraints', () => {
    it.each(refusals)('%s refuses %s', async (constraint, statement) => {
      expect(await constraintAgainst(db(), raw(statement))).toBe(constraint)
    })

    it('every declared check, unique constraint and unique index has such a statement', () => {
      const tried = new Set(refusals.map(([constraint]) => constraint))
      expect([...tried].sort()).toEqual(guardsOf(system).sort())
    })

    it.each(accepted)('%s: accepted', async (_, statement) => {
      expect(await constraintAgainst(db(), raw(statement))).toBeUndefined()
    })
  })
}
