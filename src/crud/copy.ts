/** Operations that insert a changed copy of a row with the next number of its series (`workflow new-version`). */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import { endFields } from '../model/lifecycle.ts'
import type { CopyOperation } from '../model/operation.ts'
import { allOf, identifier, join, sql } from '../model/sql.ts'
import { assignmentsSql } from './assignments.ts'
import { recordChanged } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { problemsOf, writeCandidates } from './create.ts'
import { type Reading, refuseInput, type Values } from './input.ts'
import { notFound } from './missing.ts'
import { rollingBack } from './rehearsal.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList, selectRow } from './select.ts'
import { typedSql } from './typed.ts'

export interface CopyOptions {
  readonly actor: Actor
  /** Set `retires` on every older row of the series. */
  readonly retirePrevious: boolean
  readonly dryRun?: boolean
}

export interface Copied {
  readonly row: Cells
  /** Older rows of the series that were retired. */
  readonly retired: readonly Cells[]
}

/**
 * Copies a row.
 *
 * @param reading the fields that are given anew, and what was wrong with the input
 * @throws NotFoundError (exit 4); RefusedError (exit 5) with every problem
 */
export function copyRow(
  db: Database,
  scope: Scope,
  operation: CopyOperation,
  id: string,
  reading: Reading,
  { actor, retirePrevious, dryRun = false }: CopyOptions,
): Promise<Copied> {
  const { entity } = scope
  return rollingBack(db, dryRun, async (transaction) => {
    const original = await selectRow(transaction, scope, id, 'share')
    if (!original) throw notFound(scope, [id])
    const candidate: Candidate = {
      values: { ...copied(scope, operation, original), ...reading.values, ...operation.resets },
      problems: [...reading.problems],
    }
    const [row] = await writeCandidates(transaction, scope, [candidate], actor)
    refuseInput(entity, operation.name, problemsOf(candidate))
    if (!row) throw new Error('a copy without problems was not inserted')
    const retired = retirePrevious ? await retireOlder(transaction, scope, operation, row, actor) : []
    return { row, retired }
  })
}

/** What the copy takes over: everything that neither the database nor the lifecycle assigns. */
function copied({ entity }: Scope, operation: CopyOperation, row: Cells): Values {
  const { lifecycle } = entity
  const { numbers } = operation
  const series = (numbers === undefined ? undefined : fieldOf(entity, numbers).numberedWithin) ?? []
  const own = new Set([
    entity.primaryKey,
    ...(numbers === undefined ? [] : [numbers]),
    ...(lifecycle ? [lifecycle.field, ...endFields(lifecycle), ...Object.values(lifecycle.stamps)] : []),
  ])
  return Object.fromEntries(
    Object.keys(entity.fields)
      .filter((key) => {
        const { kind, default: expression } = fieldOf(entity, key)
        return series.includes(key) || !(own.has(key) || (kind === 'timestamp' && expression === 'now()'))
      })
      .map((key) => [key, row[key]]),
  )
}

/** Locked before it is written, so that the audit log has each row as it was. */
async function retireOlder(
  transaction: Transaction,
  scope: Scope,
  operation: CopyOperation,
  row: Cells,
  actor: Actor,
): Promise<readonly Cells[]> {
  const { entity } = scope
  const { numbers, retires } = operation
  if (!retires || numbers === undefined) return []
  const columns = selectList(Object.keys(entity.fields))
  const number = fieldOf(entity, numbers)
  const same = (number.numberedWithin ?? []).map(
    (key) => sql`${identifier(key)} IS NOT DISTINCT FROM ${typedSql(scope, fieldOf(entity, key), row[key])}`,
  )
  const differs = Object.entries(retires).map(
    ([key, value]) => sql`${identifier(key)} IS DISTINCT FROM ${typedSql(scope, fieldOf(entity, key), value)}`,
  )
  const where = sql`${allOf(same)}
      AND ${identifier(numbers)} < ${typedSql(scope, number, row[numbers])}
      AND (${join(differs, ' OR ')})`
  const before = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${where}
    ORDER BY ${identifier(entity.primaryKey)}
    FOR NO KEY UPDATE`)
  const after = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(scope)}
    SET ${join(assignmentsSql(scope, { values: retires }))}
    WHERE ${where}
    RETURNING ${columns}`)
  await recordChanged(transaction, scope, { action: 'retire', actor }, before, after)
  return after
}
