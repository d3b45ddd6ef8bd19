/**
 * Updating one row, optimistically: the row is read, changed by someone or by an editor, and written only if it is
 * still as it was read.
 */
import { type Actor, recordAudit } from '../db/audit.ts'
import type { Database, Queryable } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import { auditEntry } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { type Change, changesBetween } from './changes.ts'
import { checkParents } from './creation.ts'
import { resolveReferences } from './ids.ts'
import { type Reading, refuseInput, type Values } from './input.ts'
import { keyIn, notFound } from './missing.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'
import { sealedExisting } from './sealing.ts'
import { selectList } from './select.ts'
import { refuseDeleted } from './soft-delete.ts'
import { isSameValue, typedSql } from './typed.ts'
import { unitOfWork } from './unit-of-work.ts'
import { rethrow } from './violations.ts'

/** A row as it was read, with a digest of all its columns. */
export interface Snapshot {
  readonly row: Cells
  /** Differs as soon as any column differs, the time of the last change at full precision among them. */
  readonly version: string
}

export interface Updated {
  readonly row: Cells
  readonly changes: readonly Change[]
}

/** A whole-row reference as text covers every column, also those that the declaration does not know. */
const VERSION = raw(`encode(sha256(convert_to(steward_row::text, 'UTF8')), 'hex')`)

/** Reads a row to be changed. @throws NotFoundError (exit 4) */
export async function readSnapshot(db: Queryable, scope: Scope, id: string): Promise<Snapshot> {
  const found = await db.maybeOne<Cells & { steward_version: string }>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}, ${VERSION} AS steward_version
    FROM ${tableOf(scope)} AS steward_row
    WHERE ${keyIn(scope, [id])}`)
  if (!found) throw notFound(scope, [id])
  const { steward_version: version, ...row } = found
  return { row, version }
}

/**
 * Writes what differs from the snapshot.
 *
 * @param reading the new values of some fields, and what was wrong with the input
 * @returns the stored row and what changed; no change is no error
 * @throws RefusedError (exit 5) with every problem, when the row is deleted, or when it changed since it was read
 */
export async function updateRow(
  db: Database,
  scope: Scope,
  id: string,
  snapshot: Snapshot,
  reading: Reading,
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<Updated> {
  const { entity } = scope
  refuseDeleted(scope, snapshot.row)
  const resolved = await resolveReferences(db, scope, reading.values)
  const problems = [...reading.problems, ...resolved.problems]
  const changed = Object.entries(resolved.values).filter(
    ([key, value]) => !isSameValue(fieldOf(entity, key), snapshot.row[key], value),
  )
  if (changed.length === 0 && problems.length === 0) return { row: snapshot.row, changes: [] }
  const values: Values = Object.fromEntries(changed)
  return unitOfWork(db, dryRun, async (transaction) => {
    const candidate: Candidate = { values: { ...snapshot.row, ...values }, problems: [...problems] }
    await checkParents(transaction, scope, [candidate], { only: Object.keys(values), limits: false })
    refuseInput(entity, 'update', candidate.problems)
    const sealed = Object.entries(await sealedExisting(scope, [snapshot.row], values))
    const assignments = sealed.map(([key, value]) => {
      return sql`${identifier(key)} = ${typedSql(scope, fieldOf(entity, key), value)}`
    })
    const row = await transaction
      .maybeOne<Cells>(sql`
        UPDATE ${tableOf(scope)} AS steward_row
        SET ${join(assignments, ',\n            ')}
        WHERE ${keyIn(scope, [id])}
          AND ${VERSION} = ${snapshot.version}
        RETURNING ${selectList(Object.keys(entity.fields))}`)
      .catch((error: unknown) => rethrow(entity, error, values))
    if (!row) throw await changedMeanwhile(transaction, scope, id, snapshot)
    await recordAudit(transaction, actor, [auditEntry(scope, 'update', snapshot.row, row)])
    return { row, changes: changesBetween(entity, snapshot.row, row) }
  })
}

/** Why no row met the condition: it is gone, or it is not as it was read. */
async function changedMeanwhile(db: Queryable, scope: Scope, id: string, before: Snapshot): Promise<Error> {
  const { row } = await readSnapshot(db, scope, id)
  const fields = changesBetween(scope.entity, before.row, row).map(({ field }) => field)
  return new RefusedError({
    code: 'changed-meanwhile',
    message: `${scope.entity.name} ${id} was changed by someone else meanwhile${fields.length > 0 ? ` (${fields.join(', ')})` : ''}; nothing was written`,
    hint: `Look at it again with steward ${scope.system.name} ${scope.entity.name} get ${id}, then repeat the update`,
    details: { entity: scope.entity.name, id, changed: fields },
  })
}
