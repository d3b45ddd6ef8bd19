/** Rows to restore, grouped by what their batches hold: batches of one table may have different columns. */
import type { Queryable } from '../db/database.ts'
import { OperationError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { RestoreCatalog, RestoredTable } from './restore-catalog.ts'
import type { RowSet } from './restore-rows.ts'

export interface Group {
  readonly table: RestoredTable
  readonly batches: readonly bigint[]
  /** Columns that the digest of the batches covers, in its order. */
  readonly columns: readonly string[]
  /** Those that the table still has. */
  readonly shared: readonly string[]
  /** Those that it has no more. */
  readonly dropped: readonly string[]
  /** Places of the rows. */
  readonly rows: readonly string[]
}

/** @throws OperationError `archive-damaged` for rows of batches that Steward knows nothing of */
export async function groupsOf(db: Queryable, catalog: RestoreCatalog, rows: RowSet): Promise<Group[]> {
  const recorded = await db.rows<{ batch: bigint; table: string; columns: string[] }>(sql`
    SELECT batch_id AS batch, table_name AS "table", columns
    FROM steward.archive_batch_tables
    WHERE batch_id = ANY (${[...rows.batches]}::bigint[])`)
  const columnsOf = new Map(recorded.map(({ batch, table, columns }) => [`${batch} ${table}`, columns]))
  return rows.tables.flatMap((name) => {
    const table = catalog.tables.get(name)
    if (table === undefined) throw new RangeError(`${name} has no archive table`)
    const groups = new Map<string, { columns: readonly string[]; batches: Set<bigint>; rows: string[] }>()
    for (const [row, batch] of rows.of(name)) {
      const columns = columnsOf.get(`${batch} ${name}`)
      if (columns === undefined || !columns.every((column) => table.archived.has(column))) {
        throw damaged(catalog.schema, name, batch)
      }
      const group = groups.get(columns.join('\0')) ?? { columns, batches: new Set(), rows: [] }
      group.batches.add(batch)
      group.rows.push(row)
      groups.set(columns.join('\0'), group)
    }
    return [...groups.values()].map((group) => ({
      table,
      columns: group.columns,
      shared: group.columns.filter((column) => table.columns.has(column)),
      dropped: group.columns.filter((column) => !table.columns.has(column)),
      batches: [...group.batches],
      rows: group.rows,
    }))
  })
}

/** The archive does not hold what was put into it. */
export function damaged(schema: string, table: string, batch: bigint): OperationError {
  return new OperationError({
    code: 'archive-damaged',
    message: `The archived rows of ${schema}.${table} in batch ${batch} are not those that were archived; none of them was restored`,
    hint: `steward archive verify ${batch} names the differences; archive restore --damaged brings rows back as they lie there`,
    details: { schema, table, batch: Number(batch) },
  })
}
