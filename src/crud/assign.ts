/** Operations that set fields of rows in a given condition: activate, deactivate, revoke. */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { AssignOperation } from '../model/operation.ts'
import { allOf, identifier, join, sql } from '../model/sql.ts'
import { assignmentsSql } from './assignments.ts'
import { type Moved, recordChanged } from './audited.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { rollingBack } from './rehearsal.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { isSameValue, typedSql } from './typed.ts'
import { rethrow } from './violations.ts'

/** Reads the rows and refuses when one is missing or does not meet the operation's condition. */
export async function checkAssign(
  db: Database,
  scope: Scope,
  operation: AssignOperation,
  ids: readonly string[],
): Promise<readonly Cells[]> {
  const wanted = distinct(ids)
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${keyIn(scope, wanted)}`)
  refuseUnmet(scope, operation, wanted, rows)
  return rows
}

/**
 * Runs the operation on all rows or none. The condition is enforced in the UPDATE's WHERE (decision 8).
 *
 * @throws NotFoundError (exit 4); RefusedError (exit 5) for rows that do not meet the condition
 */
export function assignRows(
  db: Database,
  scope: Scope,
  operation: AssignOperation,
  ids: readonly string[],
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<readonly Moved[]> {
  const { entity } = scope
  const wanted = distinct(ids)
  const key = entity.primaryKey
  const columns = selectList(Object.keys(entity.fields))
  const conditions = Object.entries(operation.when).map(
    ([name, value]) => sql`${identifier(name)} IS NOT DISTINCT FROM ${typedSql(scope, fieldOf(entity, name), value)}`,
  )
  return rollingBack(db, dryRun, async (transaction) => {
    const found = await transaction.rows<Cells>(sql`
      SELECT ${columns}
      FROM ${tableOf(scope)}
      WHERE ${keyIn(scope, wanted)}
      ORDER BY ${identifier(key)}
      FOR NO KEY UPDATE`)
    refuseUnmet(scope, operation, wanted, found)
    const { set: values, stamps = [], clears = [] } = operation
    const stored = await transaction
      .rows<Cells>(sql`
        UPDATE ${tableOf(scope)}
        SET ${join(assignmentsSql(scope, { values, stamps, clears }), ',\n            ')}
        WHERE ${keyIn(scope, wanted)}
          AND ${allOf(conditions)}
        RETURNING ${columns}`)
      .catch((error: unknown) => rethrow(entity, error))
    return recordChanged(transaction, scope, { action: operation.name, actor }, found, stored)
  })
}

function refuseUnmet(
  scope: Scope,
  operation: AssignOperation,
  wanted: readonly string[],
  rows: readonly Cells[],
): void {
  const { entity } = scope
  const there = new Set(rows.map((row) => String(row[entity.primaryKey])))
  const missing = wanted.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(scope, missing)
  const problems = rows.flatMap((row) => {
    const unmet = Object.entries(operation.when).filter(
      ([name, value]) => !isSameValue(fieldOf(entity, name), row[name], value),
    )
    const has = unmet.map(([name]) => `${name} is ${String(row[name])}`).join(', ')
    return unmet.length === 0
      ? []
      : [{ where: String(row[entity.primaryKey]), reason: `${operation.otherwise} (${has})` }]
  })
  const [first] = problems
  if (first === undefined) return
  const only = problems.length === 1
  throw new RefusedError({
    code: 'forbidden-operation',
    message: only
      ? `${entity.name} ${first.where} ${first.reason}`
      : `${problems.length} ${entity.plural} cannot be changed; none was`,
    hint: wanted.length > 1 ? 'Leave these out' : undefined,
    problems: only ? [] : problems,
  })
}
