/** Rows as the audit log keeps them: secret fields masked, so that not even a hash leaves its table. */
import type { AuditEntry } from '../db/audit.ts'
import type { Cells } from '../model/column.ts'
import { fieldOf, type Scope } from './scope.ts'

const MASK = '***'

/** One change of one row. `before` is null for a new row, `after` for one that is gone. */
export function auditEntry(scope: Scope, action: string, before: Cells | null, after: Cells | null): AuditEntry {
  const { system, entity } = scope
  const row = after ?? before
  return {
    system: system.name,
    entity: entity.name,
    action,
    rowId: String(row?.[entity.primaryKey]),
    before: before && masked(scope, before),
    after: after && masked(scope, after),
  }
}

/** The declared fields of a row, secret ones masked where they have a value. */
export function masked({ entity }: Scope, row: Cells): Cells {
  return Object.fromEntries(
    Object.keys(entity.fields)
      .filter((key) => Object.hasOwn(row, key))
      .map((key) => [key, fieldOf(entity, key).secret && row[key] !== null ? MASK : row[key]]),
  )
}
