/** One INSERT for many rows: absent values take the column's default, whatever the other rows give. */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import type { Values } from './input.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { sealedNew } from './sealing.ts'
import { selectList } from './select.ts'
import { typedSql } from './typed.ts'

/** The protocol counts parameters in 16 bits (PostgreSQL manual, 53.7, Bind). */
const MOST_PARAMETERS = 65_535

/**
 * Inserts rows and returns them as stored, in the order given.
 *
 * @throws RefusedError when the database refuses one of them; none is inserted then
 */
export async function insertRows(
  transaction: Transaction,
  scope: Scope,
  given: readonly Values[],
): Promise<readonly Cells[]> {
  const rows = await sealedNew(transaction, scope, given)
  const { fields } = scope.entity
  // A generated column is written by nobody (PostgreSQL manual, 5.4).
  const keys = Object.keys(fields).filter(
    (key) => fields[key]?.generated === undefined && rows.some((values) => values[key] !== undefined),
  )
  if (keys.length === 0) return insertDefaults(transaction, scope, rows.length)
  const atOnce = Math.floor(MOST_PARAMETERS / keys.length)
  const stored: Cells[] = []
  for (let from = 0; from < rows.length; from += atOnce) {
    const tuples = rows.slice(from, from + atOnce).map((values) => {
      const cells = keys.map((key) =>
        values[key] === undefined ? raw('DEFAULT') : typedSql(scope, fieldOf(scope.entity, key), values[key]),
      )
      return sql`(${join(cells)})`
    })
    const inserted = await transaction.rows<Cells>(sql`
      INSERT INTO ${tableOf(scope)} (${join(keys.map((key) => identifier(key)))})
      VALUES ${join(tuples)}
      RETURNING ${selectList(Object.keys(scope.entity.fields))}`)
    stored.push(...inserted)
  }
  return stored
}

async function insertDefaults(transaction: Transaction, scope: Scope, count: number): Promise<Cells[]> {
  const stored: Cells[] = []
  for (let index = 0; index < count; index++) {
    const row = await transaction.one<Cells>(sql`
      INSERT INTO ${tableOf(scope)} DEFAULT VALUES
      RETURNING ${selectList(Object.keys(scope.entity.fields))}`)
    stored.push(row)
  }
  return stored
}
