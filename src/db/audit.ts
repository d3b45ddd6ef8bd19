/** The audit log: every row changed through Steward, written in the transaction that changes it. */

import type { Cells } from '../model/column.ts'
import { sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'
import { stringifyJson } from './json.ts'

/** Who does it, and with which words. */
export interface Actor {
  /** `skyvern task update`. */
  readonly command: string
  /** What was typed, secrets left out. */
  readonly argv: readonly string[]
  /** `--reason`. */
  readonly reason?: string | undefined
  readonly osUser: string
  readonly host: string
}

export interface AuditEntry {
  readonly system: string
  readonly entity: string
  /** `create`, `update`, `delete`, or the operation's verb. */
  readonly action: string
  /** Primary key of the row, as text. */
  readonly rowId: string
  /** The row before, secrets masked; null when it is new. */
  readonly before: Cells | null
  /** The row after, secrets masked; null when it is gone. */
  readonly after: Cells | null
}

/**
 * Records changes, in one statement however many they are. Call it in the transaction that makes them, so that
 * neither is ever there without the other.
 *
 * @throws OperationError with the hint to migrate when Steward's schema is not there
 */
export async function recordAudit(tx: Queryable, actor: Actor, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  const json = (row: Cells | null) => row && stringifyJson(row)
  await tx.execute(sql`
    INSERT INTO steward.audit_log
      (os_user, host, db_user, command, arguments, reason, system, entity, action, row_id, before, after)
    SELECT ${actor.osUser}, ${actor.host}, session_user, ${actor.command}, ${stringifyJson(actor.argv)}::jsonb,
           ${actor.reason ?? null}, e.system, e.entity, e.action, e.row_id, e.before::jsonb, e.after::jsonb
    FROM unnest(
      ${entries.map((entry) => entry.system)}::text[],
      ${entries.map((entry) => entry.entity)}::text[],
      ${entries.map((entry) => entry.action)}::text[],
      ${entries.map((entry) => entry.rowId)}::text[],
      ${entries.map((entry) => json(entry.before))}::text[],
      ${entries.map((entry) => json(entry.after))}::text[]
    ) WITH ORDINALITY AS e (system, entity, action, row_id, before, after, position)
    ORDER BY e.position
  `)
}
