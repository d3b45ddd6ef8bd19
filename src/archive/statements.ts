/** The SQL of a run, as the plan prints it: the very statements that the batches send, with placeholders for places. */
import { type Sql, sql } from '../model/sql.ts'
import { chunkSql } from './candidates.ts'
import type { Closure } from './closure.ts'
import { detachSql, downSql, type From, type Holding, holdsSql } from './levels.ts'
import { copySql, deleteSql } from './move.ts'
import { nameOf } from './prepare.ts'
import { relation } from './rows.ts'
import type { Selection } from './selection.ts'
import type { Shape } from './shape.ts'

export interface PlannedStatement {
  /** What it does, as a sentence without a full stop. */
  readonly does: string
  readonly sql: string
}

/**
 * The statements in their order: once for the archive tables, then those of each batch. Levels, keys and partitions
 * without rows are left out, as a batch leaves them out.
 *
 * @param ddl that makes or extends the archive tables
 */
export function statementsOf(
  selection: Selection,
  shape: Shape,
  { rows }: Closure,
  ddl: readonly string[],
): PlannedStatement[] {
  const told: PlannedStatement[] = ddl.map((statement) => ({ does: 'Before the first batch', sql: statement }))
  const tell = (does: string, statement: Sql) => told.push({ does, sql: outdented(statement.text) })
  tell('Find roots that are due', chunkSql(selection, shape.root, undefined, 0))
  const [leaf = shape.root] = shape.root.leaves
  tell(
    'Lock roots, and ask again whether they are due',
    sql`SELECT r.tableoid, r.ctid
FROM ${relation(leaf)} AS r
WHERE r.ctid = ANY (${''}::tid[])
  AND ${selection.due('r')}
FOR UPDATE OF r SKIP LOCKED`,
  )
  for (const table of shape.tables) {
    const from = shape.followed.flatMap((key): From[] => {
      const parent = shape.table(key.parent)
      const parents = rows.get(parent)
      return key.child === table.oid && parents !== undefined ? [{ key, parents, parent }] : []
    })
    if (from.length > 0 && table.leaves.length > 0) {
      tell(`Lock what goes along of ${nameOf(table)}`, downSql(table, from, undefined, true))
    }
  }
  const holdings = shape.holding.flatMap((key): Holding[] => {
    const parent = shape.table(key.parent)
    const parents = rows.get(parent)
    if (parents === undefined) return []
    const names = shape.tables.some(({ oid }) => oid === key.child)
    return [{ key, parents, parent, going: rows.get(shape.table(key.child)), names }]
  })
  if (holdings.length > 0) tell('Find what rows that stay still refer to', holdsSql(holdings))
  for (const key of shape.detaching) {
    const parent = shape.table(key.parent)
    const parents = rows.get(parent)
    const child = shape.table(key.child)
    if (parents === undefined || child.leaves.length === 0) continue
    const holding = { key, parents, parent, going: rows.get(child), names: true }
    tell(`Lock rows of ${nameOf(child)} that lose their reference (${key.name})`, detachSql(holding, child, true))
  }
  if (rows.size > 0) {
    if (selection.keeps === 'archive') tell('Insert the rows into the archive', copySql(rows, 0n))
    tell('Delete the rows', deleteSql(rows))
  }
  return told
}

/** Without the indent that all lines share, and empty lines. */
function outdented(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const shared = Math.min(...lines.map((line) => line.length - line.trimStart().length))
  return lines.map((line) => line.slice(shared).trimEnd()).join('\n')
}
