/**
 * Files of rows that are about to go (decision 20): recorded as due for deletion, in the transaction that deletes the
 * rows, unless a row that stays stands for the same file.
 */
import type { Queryable } from '../db/database.ts'
import { ROW_GOES_FIRST } from '../db/tombstones.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { type Closure, type ClosureTable, entityOf, nameOf, withClosure } from './closure.ts'
import { type Scope, scopeOf, tableOf } from './scope.ts'

interface Filed {
  readonly entity: Entity
  readonly file: NonNullable<Entity['file']>
  readonly table: ClosureTable
}

export interface DueFiles {
  readonly files: bigint
  /** Sum of their recorded sizes in bytes; null when none has one. */
  readonly bytes: bigint | null
}

/** How many files a delete of these rows would leave without a row. */
export async function countDueFiles(
  db: Queryable,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
): Promise<DueFiles> {
  const filed = filedIn(scope, closure)
  if (filed.length === 0) return { files: 0n, bytes: null }
  const due = filed.map((one) => sql`SELECT uri, bytes FROM (${dueFiles(scope, closure, one)}) AS due`)
  // The sum of bigints is a numeric, which arrives as text: sizes that add up to more than 64 bits are no error.
  const { files, bytes } = await db.one<{ files: bigint; bytes: string | null }>(sql`
    ${withClosure(scope, closure, ids, fileColumns(filed))}
    SELECT count(*) AS files, sum(bytes) AS bytes
    FROM (${join(due, '\n      UNION ALL ')}) AS all_due`)
  return { files, bytes: bytes === null ? null : BigInt(bytes) }
}

/**
 * Records the files.
 *
 * @param why what deletes the rows, for whoever reads the tombstone: `task delete tsk_…`
 * @returns how many were recorded
 */
export async function recordTombstones(
  db: Queryable,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
  why: string,
): Promise<number> {
  const filed = filedIn(scope, closure)
  let recorded = 0
  for (const one of filed) {
    recorded += await db.execute(sql`
      ${withClosure(scope, closure, ids, fileColumns(filed))}
      INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, bytes, why)
      SELECT ${scope.system.name}, ${scope.schema}, ${one.entity.name}, id, uri, bytes, ${why}
      FROM (${dueFiles(scope, closure, one)}) AS due
      ${ROW_GOES_FIRST}`)
  }
  return recorded
}

/** The entities of the system that stand for files and lose rows. */
function filedIn(scope: Scope, closure: Closure): Filed[] {
  return closure.tables.flatMap((table) => {
    const entity = entityOf(scope, table)
    return entity?.file ? [{ entity, file: entity.file, table }] : []
  })
}

function fileColumns(filed: readonly Filed[]): Record<string, string[]> {
  return Object.fromEntries(
    filed.map(({ entity, file, table }) => [nameOf(table), [entity.primaryKey, file.uri, file.bytes]]),
  )
}

/** One row a file: several rows may share one (a ZIP), which goes with its last row. */
function dueFiles(scope: Scope, closure: Closure, { entity, file, table }: Filed): Sql {
  const uri = identifier('gone', file.uri)
  const survivors = scope.system.entities.flatMap((other) => {
    if (!other.file) return []
    const going = closure.tables.find((one) => one.schema === scope.schema && one.table === other.table)
    const goesToo = going
      ? sql`AND NOT EXISTS (
            SELECT FROM ${raw(going.alias)} AS too WHERE too.tableoid = kept.tableoid AND too.ctid = kept.ctid
          )`
      : raw('')
    const kept = identifier('kept', other.file.uri)
    return [
      // Asked for the closure's files only, so that the index on them answers, not a scan of every row there is.
      sql`AND NOT EXISTS (
          SELECT FROM ${tableOf(scopeOf(scope, other))} AS kept
          WHERE ${kept} IN (SELECT ${identifier(file.uri)} FROM ${raw(table.alias)})
          AND ${kept} = ${uri}
          ${goesToo}
        )`,
    ]
  })
  return sql`
        SELECT DISTINCT ON (${uri}) ${identifier('gone', entity.primaryKey)}::text AS id, ${uri} AS uri,
               ${identifier('gone', file.bytes)} AS bytes
        FROM ${raw(table.alias)} AS gone
        WHERE ${uri} IS NOT NULL
        ${join(survivors, '\n        ')}
        ORDER BY ${uri}, ${identifier('gone', entity.primaryKey)}`
}
