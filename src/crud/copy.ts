/** Operations that insert a changed copy of a row: the next number of its series, or a further try as its child. */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { endFields } from '../model/lifecycle.ts'
import type { CopyOperation } from '../model/operation.ts'
import { allOf, identifier, join, sql } from '../model/sql.ts'
import { unmetOf } from './assign.ts'
import { assignmentsSql } from './assignments.ts'
import { recordChanged } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { problemsOf, writeCandidates } from './create.ts'
import { type Reading, refuseInput, type Values } from './input.ts'
import { notFound } from './missing.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList, selectRow } from './select.ts'
import { whyDeleted } from './soft-delete.ts'
import { typedSql } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'

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
  return unitOfWork(db, dryRun, async (transaction) => {
    // One that gets a copy linked to it is held against another copier; else it only has to stay as it is.
    const original = await selectRow(transaction, scope, id, operation.links === undefined ? 'share' : 'update')
    if (!original) throw notFound(scope, [id])
    refuseUnmet(scope, operation, id, original)
    await refuseSecond(transaction, scope, operation, id)
    const candidate: Candidate = {
      values: {
        ...copied(scope, operation, original),
        ...reading.values,
        ...operation.resets,
        ...linked(operation, id),
      },
      problems: [...reading.problems],
    }
    const [row] = await writeCandidates(transaction, scope, [candidate], actor)
    refuseInput(entity, operation.name, problemsOf(candidate))
    if (!row) throw new Error('a copy without problems was not inserted')
    const retired = retirePrevious ? await retireOlder(transaction, scope, operation, row, actor) : []
    return { row, retired }
  })
}

/** @throws RefusedError (exit 5) for a row that cannot be copied as it is */
function refuseUnmet(scope: Scope, operation: CopyOperation, id: string, row: Cells): void {
  const { entity } = scope
  const unmet = unmetOf(scope, operation.when ?? {}, row)
  const reason =
    whyDeleted(entity, row) ??
    (unmet.length === 0 ? undefined : `${operation.otherwise ?? 'cannot be copied'} (${unmet.join(', ')})`)
  if (reason === undefined) return
  throw new RefusedError({ code: 'forbidden-operation', message: `${entity.name} ${id} ${reason}` })
}

/** @throws RefusedError (exit 5) for a row that has its copy already: what comes next goes on from that */
async function refuseSecond(
  transaction: Transaction,
  scope: Scope,
  { name, links }: CopyOperation,
  id: string,
): Promise<void> {
  if (links === undefined) return
  const { entity } = scope
  const { primaryKey, handle = primaryKey, lifecycle } = entity
  const state = lifecycle === undefined ? sql`NULL` : identifier(lifecycle.field)
  const copy = await transaction.maybeOne<{ name: unknown; state: unknown }>(sql`
    SELECT ${identifier(handle)} AS name, ${state}::text AS state
    FROM ${tableOf(scope)}
    WHERE ${identifier(links)} = ${typedSql(scope, fieldOf(entity, links), id)}
    LIMIT 1`)
  if (copy === undefined) return
  throw new RefusedError({
    code: 'forbidden-operation',
    message: `${entity.name} ${id} has a ${name} already: ${String(copy.name)}${copy.state === null ? '' : ` (${String(copy.state)})`}`,
    hint: `If that one did not succeed either, ${name} it instead`,
  })
}

function linked({ links }: CopyOperation, id: string): Values {
  return links === undefined ? {} : { [links]: id }
}

/**
 * What the copy takes over: everything that neither the database nor the lifecycle assigns and that is no result of
 * the row itself.
 */
function copied({ entity }: Scope, operation: CopyOperation, row: Cells): Values {
  const { lifecycle, softDelete } = entity
  const { numbers, leaves = [], increments = [] } = operation
  const series = (numbers === undefined ? undefined : fieldOf(entity, numbers).numberedWithin) ?? []
  const own = new Set([
    entity.primaryKey,
    ...leaves,
    ...(numbers === undefined ? [] : [numbers]),
    ...(softDelete ? [softDelete.field] : []),
    ...(lifecycle ? [lifecycle.field, ...endFields(lifecycle), ...Object.values(lifecycle.stamps)] : []),
  ])
  const isMade = (key: string) => {
    const { kind, default: expression, generated, identity, sealed } = fieldOf(entity, key)
    // What is encrypted opens in its own row only.
    if (sealed?.by === 'aes-256-gcm') return true
    return generated !== undefined || identity === true || (kind === 'timestamp' && expression === 'now()')
  }
  const values = Object.keys(entity.fields)
    .filter((key) => series.includes(key) || !(own.has(key) || isMade(key)))
    .map((key): [string, unknown] => [key, increments.includes(key) ? oneMore(row[key]) : row[key]])
  return Object.fromEntries(values)
}

function oneMore(value: unknown): unknown {
  return typeof value === 'bigint' ? value + 1n : Number(value ?? 0) + 1
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
