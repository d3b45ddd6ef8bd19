/** Rows as the audit log keeps them: secret fields masked, so that not even a hash leaves its table. */
import { type Actor, type AuditEntry, recordAudit } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { isTooDeep, MOST_LEVELS } from './json.ts'
import { fieldOf, type Scope } from './scope.ts'

const MASK = '***'

/**
 * One change of one row. `before` is null for a new row, `after` for one that is gone.
 *
 * @throws RefusedError (exit 5) for a row that is nested deeper than the log can hold
 */
export function auditEntry(scope: Scope, action: string, before: Cells | null, after: Cells | null): AuditEntry {
  const { system, entity } = scope
  const row = after ?? before
  refuseDeep(scope, before)
  refuseDeep(scope, after)
  return {
    system: system.name,
    entity: entity.name,
    action,
    rowId: String(row?.[entity.primaryKey]),
    before: before && masked(scope, before),
    after: after && masked(scope, after),
  }
}

/** A row before and after. */
export interface Moved {
  readonly before: Cells
  readonly after: Cells
}

/**
 * Records what an UPDATE did.
 *
 * @param found the rows as they were when they were locked
 * @param stored those that the UPDATE returned
 * @returns the rows that it changed, in the order in which they were locked
 */
export async function recordChanged(
  transaction: Transaction,
  scope: Scope,
  { action, actor }: { readonly action: string; readonly actor: Actor },
  found: readonly Cells[],
  stored: readonly Cells[],
): Promise<readonly Moved[]> {
  const key = scope.entity.primaryKey
  const changed = new Map(stored.map((row) => [row[key], row]))
  const moved = found.flatMap((before) => {
    const after = changed.get(before[key])
    return after ? [{ before, after }] : []
  })
  await recordAudit(
    transaction,
    actor,
    moved.map(({ before, after }) => auditEntry(scope, action, before, after)),
  )
  return moved
}

/** Another program may have stored what no writer of JSON can follow. */
function refuseDeep({ entity }: Scope, row: Cells | null): void {
  const deep = Object.keys(entity.fields).find((key) => isTooDeep(row?.[key]))
  if (deep === undefined) return
  throw new RefusedError({
    code: 'nested-too-deep',
    message: `${entity.name} ${row?.[entity.primaryKey]} cannot be recorded in the audit log: ${deep} is nested deeper than ${MOST_LEVELS} levels`,
    hint: `Make ${deep} flatter first, in psql or the program that wrote it`,
  })
}

/** The declared fields of a row, secret ones masked where they have a value. */
function masked({ entity }: Scope, row: Cells): Cells {
  return Object.fromEntries(
    Object.keys(entity.fields)
      .filter((key) => Object.hasOwn(row, key))
      .map((key) => [key, fieldOf(entity, key).secret && row[key] !== null ? MASK : row[key]]),
  )
}
