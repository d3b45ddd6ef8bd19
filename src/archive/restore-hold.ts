/**
 * Holds on what was restored: it is as old as before, so the next maintenance run would take it away again at once. They
 * are recorded in the transaction that brings the rows back.
 */
import type { Transaction } from '../db/database.ts'
import { type HeldTable, heldKeySql } from '../model/holds.ts'
import { type Sql, sql } from '../model/sql.ts'
import { liveOf, type RestoreCatalog } from './restore-catalog.ts'
import type { Placed } from './restore-move.ts'
import type { RestoreRequest } from './restore-request.ts'

/** How long retention leaves restored rows alone, and which. */
export interface Hold {
  readonly milliseconds: number
  /** Tables that retention rules are about; rows of the roots' table are held in any case. */
  readonly tables: readonly HeldTable[]
}

/** Rows that are held whether they came back now or were there: those that were named. */
export interface NamedRows {
  readonly table: string
  readonly isOne: (alias: string) => Sql
}

export interface Held {
  readonly rows: number
  /** Until when; absent where nothing was to be held. */
  readonly until?: string
}

const REASON = 'restored from the archive'

/**
 * Holds restored rows of the tables that it is about, and the rows that were named. A longer hold that stands is not made
 * shorter.
 *
 * @param roots table of the roots
 */
export async function holdRestored(
  tx: Transaction,
  catalog: RestoreCatalog,
  { hold }: RestoreRequest,
  placed: readonly Placed[],
  { roots, named, runId }: { readonly roots: string; readonly named?: NamedRows | undefined; readonly runId: bigint },
): Promise<Held> {
  if (hold === undefined || hold.milliseconds <= 0) return { rows: 0 }
  const tableOf = (name: string): HeldTable | undefined => {
    const declared = hold.tables.find(({ table }) => table === name)
    if (declared !== undefined) return declared
    const key = catalog.primaryKeys.get(name) ?? []
    // A row without a key has no name to be held by.
    return name === roots && key.length > 0 ? { schema: catalog.schema, table: name, key } : undefined
  }
  const { until } = await tx.one<{ until: string }>(sql`
    SELECT now() + make_interval(secs => ${hold.milliseconds / 1000}::double precision) AS until`)
  let held = 0
  const record = async (table: HeldTable, rows: Sql) => {
    held += await tx.execute(sql`
      INSERT INTO steward.retention_holds AS h (schema_name, table_name, row_key, until, run_id, reason)
      SELECT
        ${table.schema},
        ${table.table},
        ${heldKeySql(table, 'r')},
        ${until}::timestamptz,
        ${runId},
        ${REASON}
      FROM ${rows}
      ON CONFLICT (schema_name, table_name, row_key) DO UPDATE
      SET until = EXCLUDED.until, run_id = EXCLUDED.run_id, reason = EXCLUDED.reason, held_at = EXCLUDED.held_at
      WHERE h.until < EXCLUDED.until`)
  }
  for (const { group, leaf, rows } of placed) {
    const table = tableOf(group.table.table)
    if (table === undefined) continue
    await record(table, sql`ONLY ${leaf} AS r WHERE r.ctid = ANY (${[...rows]}::tid[])`)
  }
  const table = named === undefined ? undefined : tableOf(named.table)
  if (named !== undefined && table !== undefined) {
    await record(table, sql`${liveOf(catalog, named.table)} AS r WHERE ${named.isOne('r')}`)
  }
  return { rows: held, until }
}
