/** Nodes of a dependency graph that wait for rows which a delete removes: what was waited for is gone, so they go on. */
import type { Queryable } from '../db/database.ts'
import { identifier, raw, sql } from '../model/sql.ts'
import { type Closure, entityOf, nameOf, withClosure } from './closure.ts'
import { blocksSql, type GraphScope, graphsOver, holdsSql, unsatisfiedSql } from './graph.ts'
import { type Scope, scopeOf, tableOf } from './scope.ts'

export interface Waiting {
  readonly graph: GraphScope
  /** Of the nodes that wait, those that go themselves among them. */
  readonly ids: readonly string[]
}

/** Who waits for rows of the closure, by graph; only for graphs that release them. Ask before the rows go. */
export async function waitingForClosure(
  db: Queryable,
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
): Promise<Waiting[]> {
  const found: Waiting[] = []
  for (const table of closure.tables) {
    const entity = entityOf(scope, table)
    if (!entity) continue
    for (const graph of graphsOver(scopeOf(scope, entity))) {
      if (graph.graph.release === undefined) continue
      const key = identifier('blocker', entity.primaryKey)
      const rows = await db.rows<{ id: unknown }>(sql`
        ${withClosure(scope, closure, ids, { [nameOf(table)]: [entity.primaryKey] })}
        SELECT DISTINCT edge.${identifier(graph.graph.from)} AS id
        FROM ${raw(table.alias)} AS gone
        JOIN ${tableOf(graph.nodes)} AS blocker ON ${key} = gone.${identifier(entity.primaryKey)}
        JOIN ${tableOf(graph.edges)} AS edge ON edge.${identifier(graph.graph.to)} = ${key}
        WHERE ${blocksSql(graph, 'edge')}
          AND ${unsatisfiedSql(graph, 'edge')}
          AND ${holdsSql(graph, 'blocker')}`)
      if (rows.length > 0) found.push({ graph, ids: rows.map(({ id }) => String(id)) })
    }
  }
  return found
}
