/**
 * What becomes of rows that wait for a node of a dependency graph, whenever a node was moved, marked or restored, or an
 * edge was called satisfied.
 */
import type { Actor } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import type { Moved } from './audited.ts'
import type { Unit } from './consequences.ts'
import { graphsOver } from './graph.ts'
import type { Scope } from './scope.ts'

/**
 * Lets those go on that waited for these rows only, and holds back those that come to wait for them. Does nothing for
 * entities that are neither nodes nor edges of a graph.
 *
 * @param unit the change that this is part of; what happens is counted with it
 */
export async function settle(
  transaction: Transaction,
  scope: Scope,
  moved: readonly Moved[],
  actor: Actor,
  unit: Unit,
): Promise<void> {
  const isEdge = scope.entity.graph !== undefined
  if (moved.length === 0 || (!isEdge && graphsOver(scope).length === 0)) return
  // Loaded late: it takes transitions, which settle in turn.
  const { settleDependents, settleEdges } = await import('./graph-guard.ts')
  if (isEdge) await settleEdges(transaction, scope, moved, actor, unit)
  await settleDependents(transaction, scope, moved, actor, unit)
}
