/** Cycles among the edges that make nodes wait (decisions 48, 58). */
import type { Queryable } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, sql } from '../model/sql.ts'
import { blocksSql, type GraphScope, nameOfNode } from './graph.ts'
import { keyIn } from './missing.ts'
import { castType, fieldOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'

/**
 * The cycle that an edge `from` → `to` would close: the ids from `from` over `to` back to `from`, by the shortest way;
 * undefined when there is none. Call it under `lockEdges`.
 */
export async function cycleClosedBy(
  db: Queryable,
  scope: GraphScope,
  from: string,
  to: string,
): Promise<readonly string[] | undefined> {
  const { graph, edges, nodes } = scope
  const type = castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
  // UNION drops the pairs that were met before, so that every edge is followed once, cycles or none (manual, 7.8.2).
  const steps = await db.rows<{ node: unknown; via: unknown }>(sql`
    WITH RECURSIVE reached (node, via) AS (
      SELECT ${to}::${type}, NULL::${type}
      UNION
      SELECT edge.${identifier(graph.to)}, edge.${identifier(graph.from)}
      FROM reached
      JOIN ${tableOf(edges)} AS edge ON edge.${identifier(graph.from)} = reached.node
      WHERE ${blocksSql(scope, 'edge')}
    )
    SELECT node, via
    FROM reached
    WHERE via IS NOT NULL
      AND EXISTS (SELECT FROM reached AS goal WHERE goal.node = ${from}::${type})`)
  if (steps.length === 0) return undefined
  const onward = new Map<string, string[]>()
  for (const { node, via } of steps) {
    const next = onward.get(String(via)) ?? []
    next.push(String(node))
    onward.set(String(via), next)
  }
  const way = shortestWay(onward, to, from)
  return way && [from, ...way]
}

/** Breadth first. @returns every node of the way, both ends included */
function shortestWay(onward: ReadonlyMap<string, readonly string[]>, start: string, goal: string) {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]])
  const queue = [start]
  // Grows while it is walked.
  for (const node of queue) {
    if (node === goal) break
    for (const next of onward.get(node) ?? []) {
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  if (!cameFrom.has(goal)) return undefined
  const way: string[] = []
  for (let node: string | undefined = goal; node !== undefined; node = cameFrom.get(node)) way.push(node)
  return way.reverse()
}

/** Nodes of a long cycle that are named at each end. */
const NAMED_AT_EACH_END = 5

/** The refusal that shows a cycle by labels and ids: `A (1) → B (2) → C (3) → A (1)`. */
export async function cycleRefused(
  db: Queryable,
  scope: GraphScope,
  cycle: readonly string[],
): Promise<RefusedError> {
  const text = await cycleText(db, scope, cycle)
  return new RefusedError({
    code: 'dependency-cycle',
    message: `${scope.nodes.entity.name} ${text} would wait for itself`,
    hint: `Remove one of these first: steward ${scope.edges.system.name} ${scope.edges.entity.name} remove`,
    details: { cycle: [...cycle] },
  })
}

/** The cycle as one line; the middle of a long one is left out. */
async function cycleText(db: Queryable, scope: GraphScope, cycle: readonly string[]): Promise<string> {
  const { graph, nodes } = scope
  const key = nodes.entity.primaryKey
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList([...new Set([key, graph.label])])}
    FROM ${tableOf(nodes)}
    WHERE ${keyIn(nodes, cycle)}`)
  const names = new Map(rows.map((row) => [String(row[key]), nameOfNode(scope, row)]))
  const shown = cycle.map((id) => names.get(id) ?? id)
  const left = shown.length - 2 * NAMED_AT_EACH_END
  const parts =
    left <= 1 ? shown : [...shown.slice(0, NAMED_AT_EACH_END), `${left} more`, ...shown.slice(-NAMED_AT_EACH_END)]
  return parts.join(' → ')
}
