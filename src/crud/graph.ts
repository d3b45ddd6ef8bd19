/**
 * Dependency graphs (model, `Graph`): the edges of one entity over the nodes of another, and the lock that their writers
 * share. An edge says that `from` waits for `to`.
 */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Graph } from '../model/entity.ts'
import { statesOf } from '../model/lifecycle.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'

export interface GraphScope {
  readonly graph: Graph
  /** The entity that declares the graph. */
  readonly edges: Scope
  readonly nodes: Scope
}

/** The graph whose edges the scope's rows are. @throws RangeError (a bug) when its entity declares none */
export function graphOf(edges: Scope): GraphScope {
  const { graph } = edges.entity
  const nodes = graph && entityNamed(edges.system, graph.nodes)
  if (!graph || !nodes) throw new RangeError(`${edges.entity.name} declares no graph`)
  return { graph, edges, nodes: scopeOf(edges, nodes) }
}

/** Every graph of the system whose nodes are the scope's rows. */
export function graphsOver(nodes: Scope): GraphScope[] {
  return nodes.system.entities
    .filter(({ graph }) => graph !== undefined && entityNamed(nodes.system, graph.nodes) === nodes.entity)
    .map((entity) => graphOf(scopeOf(nodes, entity)))
}

/**
 * Lets one writer at a time change the edges, until its transaction ends: two writers who each add one half of a cycle
 * would otherwise both find none. The lock is an advisory one of the transaction (PostgreSQL manual, 13.3.5), its key
 * made of the bare names of schema and table joined by a dot. A trigger that guards the table takes the very same one:
 *
 * ```sql
 * PERFORM pg_advisory_xact_lock(hashtext(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME));
 * ```
 *
 * and looks for the cycle in a statement after it, since only a later statement sees what the writer before committed.
 * It is taken before any row is locked, and a second time in one transaction it costs nothing.
 */
export async function lockEdges(transaction: Transaction, { edges }: GraphScope): Promise<void> {
  const name = `${edges.schema}.${edges.entity.table}`
  await transaction.rows(sql`SELECT pg_advisory_xact_lock(hashtext(${name}::text))`)
}

/** Condition on the edge's kind: those that make `from` wait. @param alias of the edges' table */
export function blocksSql({ graph, edges }: GraphScope, alias: string): Sql {
  const type = castType(edges, fieldOf(edges.entity, graph.kind))
  return sql`${identifier(alias, graph.kind)} = ANY (${graph.blocking}::${type}[])`
}

/**
 * Condition on a node: it is not finished, and there to be waited for. One that is marked as deleted holds nobody up.
 *
 * @param alias of the nodes' table
 */
export function holdsSql({ graph, nodes }: GraphScope, alias: string): Sql {
  const { lifecycle, softDelete } = nodes.entity
  const conditions: Sql[] = []
  if (lifecycle) {
    const type = castType(nodes, fieldOf(nodes.entity, lifecycle.field))
    conditions.push(sql`${identifier(alias, lifecycle.field)} <> ALL (${graph.finished}::${type}[])`)
  }
  if (softDelete) conditions.push(sql`${identifier(alias, softDelete.field)} IS NULL`)
  return allOf(conditions)
}

/** As `holdsSql`, for a row that was read. */
export function holds(scope: GraphScope, node: Cells): boolean {
  const { softDelete } = scope.nodes.entity
  const deleted = softDelete !== undefined && (node[softDelete.field] ?? null) !== null
  return !deleted && !isFinished(scope, node)
}

/** Whether those who wait for the node may go on. */
export function isFinished({ graph, nodes }: GraphScope, node: Cells): boolean {
  return nodes.entity.lifecycle !== undefined && graph.finished.includes(String(node[nodes.entity.lifecycle.field]))
}

/**
 * Condition on a node: there is still work in it. It holds others up, and has not ended in another way either, as one
 * that was cancelled has.
 *
 * @param alias of the nodes' table
 */
export function openSql(scope: GraphScope, alias: string): Sql {
  const { lifecycle } = scope.nodes.entity
  if (!lifecycle) return holdsSql(scope, alias)
  const type = castType(scope.nodes, fieldOf(scope.nodes.entity, lifecycle.field))
  const ended = sql`${identifier(alias, lifecycle.field)} = ANY (${statesOf(lifecycle, 'terminal')}::${type}[])`
  return sql`${holdsSql(scope, alias)} AND NOT ${ended}`
}

/** As `openSql`, for a row that was read. */
export function isOpen(scope: GraphScope, node: Cells): boolean {
  const { lifecycle } = scope.nodes.entity
  const ended = lifecycle && statesOf(lifecycle, 'terminal').includes(String(node[lifecycle.field]))
  return holds(scope, node) && !ended
}

/** Condition on an edge: nobody has called it satisfied by hand. @param alias of the edges' table */
export function unsatisfiedSql({ graph }: GraphScope, alias: string): Sql {
  return graph.satisfied ? sql`${identifier(alias, graph.satisfied.flag)} IS NOT TRUE` : raw('TRUE')
}

/**
 * Condition on a node: it waits for another one. What `whyWaiting` (crud/graph-guard.ts) asks of rows that were
 * read, for a query that finds them.
 *
 * @param alias of the nodes' table
 */
export function waitingSql(nodeScope: Scope, alias: string): Sql {
  const conditions = graphsOver(nodeScope).map((scope) => {
    const { graph, edges, nodes } = scope
    const key = nodes.entity.primaryKey
    return sql`EXISTS (
      SELECT
      FROM ${tableOf(edges)} AS edge
      JOIN ${tableOf(nodes)} AS blocker ON blocker.${identifier(key)} = edge.${identifier(graph.to)}
      WHERE edge.${identifier(graph.from)} = ${identifier(alias, key)}
        AND ${blocksSql(scope, 'edge')}
        AND ${unsatisfiedSql(scope, 'edge')}
        AND ${holdsSql(scope, 'blocker')})`
  })
  return conditions.length === 0 ? raw('FALSE') : sql`(${join(conditions, ' OR ')})`
}

/** How a person recognises a node: its label and id. */
export function nameOfNode({ graph, nodes }: GraphScope, node: Cells): string {
  const id = String(node[nodes.entity.primaryKey])
  const label = String(node[graph.label] ?? '')
  return label === '' || label === id ? id : `${shortened(label)} (${id})`
}

const LONGEST_LABEL = 60

function shortened(label: string): string {
  const characters = [...label]
  return characters.length > LONGEST_LABEL ? `${characters.slice(0, LONGEST_LABEL - 1).join('')}…` : label
}

/** The nodes with these ids, locked in the order given, so that no writer changes their state meanwhile. */
export async function lockNodes(
  transaction: Transaction,
  { nodes }: GraphScope,
  ids: readonly string[],
): Promise<Map<string, Cells>> {
  const { entity } = nodes
  const key = entity.primaryKey
  const found = new Map<string, Cells>()
  for (const id of ids) {
    const row = await transaction.maybeOne<Cells>(sql`
      SELECT ${selectList(Object.keys(entity.fields))}
      FROM ${tableOf(nodes)}
      WHERE ${identifier(key)} = ${id}::${castType(nodes, fieldOf(entity, key))}
      FOR NO KEY UPDATE`)
    if (row) found.set(id, row)
  }
  return found
}
