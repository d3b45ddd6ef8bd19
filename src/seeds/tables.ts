/** Names of seeded tables in SQL. */
import { identifier, type Sql } from '../model/sql.ts'
import type { SeedTable } from './definition.ts'

/** The primary key: the first column that is filled. @throws RangeError for a table without columns */
export function keyOf(table: SeedTable): string {
  const [key] = table.columns
  if (key === undefined) throw new RangeError(`${table.table} has no columns to seed`)
  return key
}

export function tableSql(schema: string, table: SeedTable): Sql {
  return identifier(schema, table.table)
}
