/** Gives rows of one series new places (`action reorder`), numbered without gaps from the series' first number. */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { RefusedError, UsageError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { ReorderOperation } from '../model/operation.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { type Moved, recordChanged } from './audited.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { whyDeleted } from './soft-delete.ts'
import { typedSql } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'
import { rethrow } from './violations.ts'

export interface Reordered {
  /** Every row of the series in its new order, as it was and as it is. */
  readonly series: readonly Moved[]
  /** How many of them got another number. */
  readonly changed: number
}

export interface ReorderOptions {
  /** Number of the first of the named rows; the first of the series when absent. */
  readonly to?: number | undefined
  readonly actor: Actor
  readonly dryRun?: boolean
}

/**
 * Puts the named rows one after the other, beginning at `to`; the others of the series keep their order.
 *
 * @param ids in the order that they are to have
 * @throws NotFoundError (exit 4); UsageError (exit 2) for a place that the series does not have; RefusedError (exit 5)
 * for rows of several series
 */
export function reorderRows(
  db: Database,
  scope: Scope,
  operation: ReorderOperation,
  ids: readonly string[],
  { to = operation.from, actor, dryRun = false }: ReorderOptions,
): Promise<Reordered> {
  const { entity } = scope
  const wanted = distinct(ids)
  const idOf = (row: Cells) => String(row[entity.primaryKey])
  return unitOfWork(db, dryRun, async (transaction) => {
    const before = await lockSeries(transaction, scope, operation, wanted)
    const named = wanted.map((id) => before.find((row) => idOf(row) === id)).filter((row) => row !== undefined)
    const others = before.filter((row) => !wanted.includes(idOf(row)))
    const last = operation.from + others.length
    if (to < operation.from || to > last) throw noSuchPlace(scope, operation, { to, last, named: named.length })
    const at = to - operation.from
    const ordered = [...others.slice(0, at), ...named, ...others.slice(at)]
    const placed = ordered.map((row, index) => ({ row, id: idOf(row), number: operation.from + index }))
    const moving = placed.filter(({ row, number }) => Number(row[operation.numbers]) !== number)
    const after = await renumber(transaction, scope, operation, before, moving)
    const found = moving.map(({ row }) => row)
    await recordChanged(transaction, scope, { action: operation.name, actor }, found, after)
    const now = new Map(after.map((row) => [idOf(row), row]))
    return {
      series: ordered.map((row) => ({ before: row, after: now.get(idOf(row)) ?? row })),
      changed: moving.length,
    }
  })
}

/** The rows of the series that the named ones belong to, in their order, kept as they are until the end. */
async function lockSeries(
  transaction: Transaction,
  scope: Scope,
  operation: ReorderOperation,
  wanted: readonly string[],
): Promise<readonly Cells[]> {
  const { entity } = scope
  const columns = selectList(Object.keys(entity.fields))
  const named = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, wanted)}`)
  refuseMissing(scope, wanted, named)
  const within = fieldOf(entity, operation.numbers).numberedWithin ?? []
  const [first] = named
  if (!first) return []
  refuseSeveral(scope, operation, within, named)
  // Whoever adds to the series locks its parents first (crud/creation.ts): none comes in meanwhile.
  for (const key of within) await lockParent(transaction, scope, key, first)
  const same = within.map(
    (key) => sql`${identifier(key)} IS NOT DISTINCT FROM ${typedSql(scope, fieldOf(entity, key), first[key])}`,
  )
  const series = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${allOf(same)}
    ORDER BY ${identifier(entity.primaryKey)}
    FOR NO KEY UPDATE`)
  // One that left the series, or this world, before it was locked.
  const there = new Set(series.map((row) => row[entity.primaryKey]))
  refuseMissing(
    scope,
    wanted,
    named.filter((row) => there.has(row[entity.primaryKey])),
  )
  return series.toSorted((a, b) => Number(a[operation.numbers]) - Number(b[operation.numbers]))
}

async function lockParent(transaction: Transaction, scope: Scope, key: string, row: Cells): Promise<void> {
  const { reference } = fieldOf(scope.entity, key)
  const parent = reference && entityNamed(scope.system, reference.entity)
  if (!reference || !parent || row[key] === null) return
  const there = scopeOf(scope, parent)
  await transaction.execute(sql`
    SELECT
    FROM ${tableOf(there)}
    WHERE ${identifier(reference.field)} = ${typedSql(there, fieldOf(parent, reference.field), row[key])}
    FOR NO KEY UPDATE`)
}

/**
 * A unique constraint that is not deferrable is checked row by row, so two rows must never change places directly: all
 * that move go beyond the end of the series first, then to their places.
 */
async function renumber(
  transaction: Transaction,
  scope: Scope,
  operation: ReorderOperation,
  series: readonly Cells[],
  moving: readonly { readonly id: string; readonly number: number }[],
): Promise<readonly Cells[]> {
  if (moving.length === 0) return []
  const highest = Math.max(...series.map((row) => Number(row[operation.numbers])), operation.from + series.length)
  const ids = moving.map(({ id }) => id)
  await transaction
    .execute(
      numbersSql(
        scope,
        operation,
        ids,
        moving.map((_, index) => highest + 1 + index),
      ),
    )
    .catch((error: unknown) => rethrow(scope.entity, error))
  return transaction
    .rows<Cells>(sql`${numbersSql(
      scope,
      operation,
      ids,
      moving.map(({ number }) => number),
    )}
    RETURNING ${selectList(Object.keys(scope.entity.fields), 'series')}`)
    .catch((error: unknown) => rethrow(scope.entity, error))
}

function numbersSql(scope: Scope, { numbers }: ReorderOperation, ids: string[], places: number[]): Sql {
  const { entity } = scope
  const typeOf = (key: string) => castType(scope, fieldOf(entity, key))
  return sql`
    UPDATE ${tableOf(scope)} AS series
    SET ${identifier(numbers)} = place.number
    FROM unnest(${ids}::${typeOf(entity.primaryKey)}[], ${places}::${typeOf(numbers)}[]) AS place (id, number)
    WHERE series.${identifier(entity.primaryKey)} = place.id`
}

function refuseMissing(scope: Scope, wanted: readonly string[], rows: readonly Cells[]): void {
  const { entity } = scope
  const there = new Set(rows.map((row) => String(row[entity.primaryKey])))
  const missing = wanted.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  for (const row of rows) {
    const reason = whyDeleted(entity, row)
    if (reason !== undefined) throw refused(`${entity.name} ${String(row[entity.primaryKey])} ${reason}`)
  }
}

function refuseSeveral(
  { entity }: Scope,
  operation: ReorderOperation,
  within: readonly string[],
  rows: readonly Cells[],
): void {
  for (const key of within) {
    const values = [...new Set(rows.map((row) => String(row[key])))]
    if (values.length > 1) {
      throw refused(
        `The ${entity.plural} belong to ${values.length} series of ${operation.numbers}: ${key} is ${values.slice(0, 3).join(', ')}`,
      )
    }
  }
}

function refused(message: string): RefusedError {
  return new RefusedError({
    code: 'forbidden-operation',
    message,
    hint: 'Nothing was changed: name rows of one series that are not deleted',
  })
}

function noSuchPlace(
  { entity }: Scope,
  operation: ReorderOperation,
  { to, last, named }: { readonly to: number; readonly last: number; readonly named: number },
): UsageError {
  const rows = named === 1 ? `this ${entity.name}` : `${named} ${entity.plural}`
  return new UsageError({
    code: 'no-such-place',
    message: `--to ${to} is no place for ${rows}: the series allows ${operation.from} to ${last}`,
    hint: 'Without --to they become the first',
  })
}
