/** How many rows meet the filters, exactly: an estimate would not do for what is cancelled or deleted next. */
import type { Queryable } from '../db/database.ts'
import { sql } from '../model/sql.ts'
import { whereFrom } from './filter-sql.ts'
import type { Filter } from './filters.ts'
import { type Scope, tableOf } from './scope.ts'

export async function countRows(db: Queryable, scope: Scope, filters: readonly Filter[]): Promise<bigint> {
  const { count } = await db.one<{ count: bigint }>(sql`
    SELECT count(*) AS count
    FROM ${tableOf(scope)}
    WHERE ${whereFrom(scope, filters)}`)
  return count
}
