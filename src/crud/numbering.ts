/**
 * Numbers within a series (`numberedWithin`): step orders, workflow versions. The next number is one more than the
 * largest; the unique constraint catches writers that take the same, and the caller tries again (decision 22).
 */
import type { Transaction } from '../db/database.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, sql } from '../model/sql.ts'
import type { Candidate } from './candidate.ts'
import type { Values } from './input.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'

interface Numbered {
  readonly key: string
  /** Fields that name the series. */
  readonly within: readonly string[]
  /** First number of a series. */
  readonly first: number
}

/** Fields of the entity that are numbered. */
export function numberedFields(entity: Entity): Numbered[] {
  return Object.entries(entity.fields).flatMap(([key, { numberedWithin, numberedFrom = 1 }]) =>
    numberedWithin ? [{ key, within: numberedWithin, first: numberedFrom }] : [],
  )
}

/**
 * The values of each candidate with its numbers added. Candidates of one series get consecutive numbers in their
 * order; a number that was given stays.
 */
export async function numbered(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
): Promise<Values[]> {
  let rows: Values[] = candidates.map(({ values }) => values)
  for (const { key, within, first } of numberedFields(scope.entity)) {
    const last = await lastNumbers(transaction, scope, key, within, rows)
    rows = rows.map((values) => {
      // A series that the database has yet to name begins here; its first number is the column's business.
      if (within.some((part) => values[part] === undefined || values[part] === null)) {
        return values[key] === undefined ? { ...values, [key]: first } : values
      }
      const series = seriesOf(values, within)
      const next = (last.get(series) ?? first - 1) + 1
      const number = values[key] === undefined ? next : Number(values[key])
      last.set(series, Math.max(number, next - 1))
      return { ...values, [key]: number }
    })
  }
  return rows
}

async function lastNumbers(
  transaction: Transaction,
  scope: Scope,
  key: string,
  within: readonly string[],
  rows: readonly Values[],
): Promise<Map<string, number>> {
  const named = rows.filter((values) => within.every((part) => values[part] !== undefined && values[part] !== null))
  const series = new Map(named.map((values) => [seriesOf(values, within), values]))
  if (series.size === 0) return new Map()
  const columns = join(within.map((part) => identifier(part)))
  // One array a column; unnest puts them side by side as rows (PostgreSQL manual, 7.2.1.4).
  const arrays = within.map((part) => {
    const values = [...series.values()].map((row) => row[part])
    return sql`${values}::${castType(scope, fieldOf(scope.entity, part))}[]`
  })
  const found = await transaction.rows<Values & { last_number: number | bigint }>(sql`
    SELECT ${columns}, max(${identifier(key)}) AS last_number
    FROM ${tableOf(scope)}
    WHERE (${columns}) IN (SELECT * FROM unnest(${join(arrays)}))
    GROUP BY ${columns}`)
  return new Map(found.map((row) => [seriesOf(row, within), Number(row.last_number)]))
}

function seriesOf(values: Values, within: readonly string[]): string {
  return JSON.stringify(within.map((part) => String(values[part])))
}
