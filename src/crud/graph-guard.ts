/**
 * What a graph means for its nodes (decision 52): who must wait, and what happens to those who wait when a node
 * finishes or is reopened. The transitions of `crud/transition.ts` ask and tell.
 */
import type { Actor } from '../db/audit.ts'
import type { Queryable, Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Transition } from '../model/lifecycle.ts'
import { identifier, raw, sql } from '../model/sql.ts'
import { type Moved, recordChanged } from './audited.ts'
import { newUnit, type Unit } from './consequences.ts'
import {
  blocksSql,
  type GraphScope,
  graphOf,
  graphsOver,
  holds,
  holdsSql,
  isFinished,
  nameOfNode,
  unsatisfiedSql,
} from './graph.ts'
import { distinct, keyIn } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { isDeleted } from './soft-delete.ts'
import { lifecycleOf, moveAlong } from './transition.ts'

/** Nodes that a reason names; the others are counted. */
const MOST_NAMED = 3

/**
 * Why nodes must wait: `waits for task Build (t_1), which is in_progress`. Lock the rows first: an edge added later finds
 * them as they are then.
 *
 * @param nodeScope of any entity; one that is no graph's node never waits
 * @returns the reason by id; no entry for rows that may go on
 */
export async function whyWaiting(
  transaction: Queryable,
  nodeScope: Scope,
  rows: readonly Cells[],
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>()
  const ids = rows.map((row) => String(row[nodeScope.entity.primaryKey]))
  if (ids.length === 0) return reasons
  for (const scope of graphsOver(nodeScope)) {
    for (const [id, blockers] of await blockersOf(transaction, scope, ids)) {
      const before = reasons.get(id)
      const reason = reasonOf(scope, blockers)
      reasons.set(id, before === undefined ? reason : `${before}; ${reason}`)
    }
  }
  return reasons
}

interface Blocker extends Cells {
  readonly steward_waiting: unknown
  readonly steward_count: bigint
}

/** The first of the unfinished nodes that each one waits for, with how many there are. */
async function blockersOf(db: Queryable, scope: GraphScope, ids: readonly string[]): Promise<Map<string, Blocker[]>> {
  const { graph, edges, nodes } = scope
  const key = nodes.entity.primaryKey
  const state = lifecycleOf(nodes.entity).field
  const columns = selectList([...new Set([key, graph.label, state])], 'blocker')
  const found = await db.rows<Blocker>(sql`
    SELECT *
    FROM (
      SELECT ${columns}, edge.${identifier(graph.from)} AS steward_waiting,
             count(*) OVER one AS steward_count,
             row_number() OVER (one ORDER BY blocker.${identifier(key)}) AS steward_place
      FROM ${tableOf(edges)} AS edge
      JOIN ${tableOf(nodes)} AS blocker ON blocker.${identifier(key)} = edge.${identifier(graph.to)}
      WHERE edge.${identifier(graph.from)} = ANY (${ids}::${keyType(scope)}[])
        AND ${blocksSql(scope, 'edge')}
        AND ${unsatisfiedSql(scope, 'edge')}
        AND ${holdsSql(scope, 'blocker')}
      WINDOW one AS (PARTITION BY edge.${identifier(graph.from)})
    ) AS blockers
    WHERE steward_place <= ${MOST_NAMED}::bigint
    ORDER BY steward_waiting, steward_place`)
  const byNode = new Map<string, Blocker[]>()
  for (const blocker of found) {
    const id = String(blocker.steward_waiting)
    const before = byNode.get(id)
    if (before) before.push(blocker)
    else byNode.set(id, [blocker])
  }
  return byNode
}

function reasonOf(scope: GraphScope, blockers: readonly Blocker[]): string {
  const { entity } = scope.nodes
  const state = lifecycleOf(entity).field
  const count = Number(blockers[0]?.steward_count ?? 0)
  const named = blockers.map((row) => `${nameOfNode(scope, row)}, which is ${String(row[state])}`)
  const more = count > named.length ? [`${count - named.length} more`] : []
  return `waits for ${count === 1 ? entity.name : entity.plural} ${[...named, ...more].join('; ')}`
}

/**
 * What follows for others when nodes were moved: edges to nodes that finished are satisfied, those to reopened ones no
 * longer; who waits for nothing any more is released, who comes to wait is blocked. A node that was brought back is
 * settled itself: what it waits for may have finished, or been reopened, while it was deleted. Call it in the same
 * transaction, after every change of a node's state or of its mark as deleted; it does nothing for entities that are no
 * nodes.
 *
 * @param unit the change that this is part of; who is released or blocked is counted with it
 */
export async function settleDependents(
  transaction: Transaction,
  nodeScope: Scope,
  moved: readonly Moved[],
  actor: Actor,
  unit: Unit = newUnit(),
): Promise<void> {
  if (moved.length === 0) return
  const inner = { ...unit, depth: unit.depth + 1 }
  for (const scope of graphsOver(nodeScope)) {
    const became = (test: (scope: GraphScope, node: Cells) => boolean, now: boolean) =>
      moved
        .filter(({ before, after }) => test(scope, before) !== now && test(scope, after) === now)
        .map(({ after }) => String(after[nodeScope.entity.primaryKey]))
    await markSatisfied(transaction, scope, became(isFinished, true), true, actor)
    await markSatisfied(transaction, scope, became(isFinished, false), false, actor)
    const back = became(({ nodes }, node) => isDeleted(nodes.entity, node), false)
    const freed = await waitingFor(transaction, scope, became(holds, false))
    await releaseNodes(transaction, scope, [...freed, ...back], actor, inner)
    const held = await waitingFor(transaction, scope, became(holds, true))
    await blockNodes(transaction, scope, [...held, ...back], actor, inner)
  }
}

/**
 * The same when edges were called satisfied, or no longer: who waited because of one, and for nothing else, goes on.
 *
 * @param moved rows of an entity that declares a graph
 */
export async function settleEdges(
  transaction: Transaction,
  edgeScope: Scope,
  moved: readonly Moved[],
  actor: Actor,
  unit: Unit = newUnit(),
): Promise<void> {
  const scope = graphOf(edgeScope)
  const flag = scope.graph.satisfied?.flag
  if (flag === undefined) return
  const inner = { ...unit, depth: unit.depth + 1 }
  const became = (satisfied: boolean) =>
    moved.filter(({ before, after }) => before[flag] !== after[flag] && after[flag] === satisfied)
  const waiting = (edges: readonly Moved[]) => waitingOver(transaction, scope, edges)
  await releaseNodes(transaction, scope, await waiting(became(true)), actor, inner)
  await blockNodes(transaction, scope, await waiting(became(false)), actor, inner)
}

/** The nodes that wait for an unfinished one over these edges, unless the edges are satisfied. */
async function waitingOver(db: Queryable, scope: GraphScope, changed: readonly Moved[]): Promise<string[]> {
  if (changed.length === 0) return []
  const { graph, edges, nodes } = scope
  const key = edges.entity.primaryKey
  const type = castType(edges, fieldOf(edges.entity, key))
  const rows = await db.rows<{ id: unknown }>(sql`
    SELECT DISTINCT edge.${identifier(graph.from)} AS id
    FROM ${tableOf(edges)} AS edge
    JOIN ${tableOf(nodes)} AS blocker
      ON blocker.${identifier(nodes.entity.primaryKey)} = edge.${identifier(graph.to)}
    WHERE edge.${identifier(key)} = ANY (${changed.map(({ after }) => String(after[key]))}::${type}[])
      AND ${blocksSql(scope, 'edge')}
      AND ${holdsSql(scope, 'blocker')}`)
  return rows.map(({ id }) => String(id))
}

/** The nodes with a blocking edge to one of these. */
async function waitingFor(db: Queryable, scope: GraphScope, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0 || (scope.graph.block === undefined && scope.graph.release === undefined)) return []
  const { graph, edges } = scope
  const rows = await db.rows<{ id: unknown }>(sql`
    SELECT DISTINCT edge.${identifier(graph.from)} AS id
    FROM ${tableOf(edges)} AS edge
    WHERE edge.${identifier(graph.to)} = ANY (${ids}::${keyType(scope)}[])
      AND ${blocksSql(scope, 'edge')}`)
  return rows.map(({ id }) => String(id))
}

/**
 * Takes `release` on those of the nodes that wait for nothing any more.
 *
 * They are locked before it is asked what they wait for: of two that finish the last two blockers at once, the second
 * then sees what the first did.
 */
export async function releaseNodes(
  transaction: Transaction,
  scope: GraphScope,
  ids: readonly string[],
  actor: Actor,
  unit: Unit = newUnit(),
): Promise<readonly Moved[]> {
  const declared = transitionOf(scope, scope.graph.release)
  if (!declared || ids.length === 0) return []
  const locked = await lockIn(transaction, scope.nodes, declared, ids)
  const waiting = await whyWaiting(transaction, scope.nodes, locked)
  const free = locked.map((row) => String(row[scope.nodes.entity.primaryKey])).filter((id) => !waiting.has(id))
  return take(transaction, scope.nodes, declared, free, actor, unit)
}

/** Takes `block` on those of the nodes that wait for something, and are in a state that it leads out of. */
export async function blockNodes(
  transaction: Transaction,
  scope: GraphScope,
  ids: readonly string[],
  actor: Actor,
  unit: Unit = newUnit(),
): Promise<readonly Moved[]> {
  const declared = transitionOf(scope, scope.graph.block)
  if (!declared || ids.length === 0) return []
  const locked = await lockIn(transaction, scope.nodes, declared, ids)
  const waiting = await whyWaiting(transaction, scope.nodes, locked)
  const held = locked.map((row) => String(row[scope.nodes.entity.primaryKey])).filter((id) => waiting.has(id))
  return take(transaction, scope.nodes, declared, held, actor, unit)
}

/** Those of the nodes that are in a state the transition leads out of, locked in the order of their ids. */
function lockIn(transaction: Transaction, nodes: Scope, declared: Transition, ids: readonly string[]) {
  const { entity } = nodes
  const { field } = lifecycleOf(entity)
  const { softDelete } = entity
  return transaction.rows<Cells>(sql`
    SELECT ${selectList([entity.primaryKey])}
    FROM ${tableOf(nodes)}
    WHERE ${keyIn(nodes, distinct(ids))}
      AND ${identifier(field)} = ANY (${declared.from}::${castType(nodes, fieldOf(entity, field))}[])
      AND ${softDelete ? sql`${identifier(softDelete.field)} IS NULL` : raw('TRUE')}
    ORDER BY ${identifier(entity.primaryKey)}
    FOR NO KEY UPDATE`)
}

async function take(
  transaction: Transaction,
  nodes: Scope,
  declared: Transition,
  ids: readonly string[],
  actor: Actor,
  unit: Unit,
): Promise<readonly Moved[]> {
  if (ids.length === 0) return []
  return (await moveAlong(transaction, nodes, declared, ids, {}, actor, { unit })).moved
}

/** Sets or clears the mark on every edge that leads to these nodes, where the table has one. */
export async function markSatisfied(
  transaction: Transaction,
  scope: GraphScope,
  nodeIds: readonly string[],
  satisfied: boolean,
  actor: Actor,
): Promise<void> {
  const { graph, edges } = scope
  if (!graph.satisfied || nodeIds.length === 0) return
  const { flag, at } = graph.satisfied
  const columns = selectList(Object.keys(edges.entity.fields))
  const key = edges.entity.primaryKey
  const found = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(edges)} AS edge
    WHERE edge.${identifier(graph.to)} = ANY (${nodeIds}::${keyType(scope)}[])
      AND edge.${identifier(flag)} IS DISTINCT FROM ${satisfied}::boolean
    ORDER BY edge.${identifier(key)}
    FOR NO KEY UPDATE`)
  if (found.length === 0) return
  const stored = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(edges)}
    SET ${identifier(flag)} = ${satisfied}::boolean, ${identifier(at)} = ${raw(satisfied ? 'now()' : 'NULL')}
    WHERE ${keyIn(
      edges,
      found.map((row) => String(row[key])),
    )}
    RETURNING ${columns}`)
  await recordChanged(transaction, edges, { action: satisfied ? 'satisfy' : 'reopen', actor }, found, stored)
}

/** The declared transition of this verb. @throws RangeError (a bug) when the lifecycle of the nodes has none */
function transitionOf({ nodes }: GraphScope, verb: string | undefined): Transition | undefined {
  if (verb === undefined) return undefined
  const declared = lifecycleOf(nodes.entity).transitions.find((transition) => transition.verb === verb)
  if (!declared) throw new RangeError(`${nodes.entity.name} has no transition ${verb}`)
  return declared
}

function keyType({ nodes }: GraphScope) {
  return castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
}
