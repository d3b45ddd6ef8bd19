/** The reading and writing verbs of `Queryable`, over whatever runs one statement. */
import type { QueryResult } from 'pg'
import type { Sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'

/** @param run runs one statement; its errors are already Steward's */
export function queryable(run: (statement: Sql) => Promise<QueryResult>): Queryable {
  return {
    async rows(statement) {
      return (await run(statement)).rows
    },
    async one(statement) {
      const { rows } = await run(statement)
      if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}`)
      return rows[0]
    },
    async maybeOne(statement) {
      const { rows } = await run(statement)
      if (rows.length > 1) throw new Error(`expected at most one row, got ${rows.length}`)
      return rows[0]
    },
    async execute(statement) {
      return (await run(statement)).rowCount ?? 0
    },
  }
}
