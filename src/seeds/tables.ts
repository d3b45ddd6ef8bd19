/** Names of seeded tables in SQL. */
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import type { SeedTable } from './definition.ts'
import { idType } from './ids.ts'

/** The primary key: the first column that is filled. @throws RangeError for a table without columns */
export function keyOf(table: SeedTable): string {
  const [key] = table.columns
  if (key === undefined) throw new RangeError(`${table.table} has no columns to seed`)
  return key
}

export function tableSql(schema: string, table: SeedTable): Sql {
  return identifier(schema, table.table)
}

/** That a column holds one of these ids of the table, compared in their own type so that its index serves. */
export function idIn(table: SeedTable, column: Sql, ids: readonly string[]): Sql {
  return sql`${column} = ANY (${ids}::${raw(idType(table.ids))}[])`
}
