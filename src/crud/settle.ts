/** What becomes of rows that wait for a node of a dependency graph, whenever a node was moved, marked or restored. */
import type { Actor } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import type { Moved } from './audited.ts'
import type { Unit } from './consequences.ts'
import { graphsOver } from './graph.ts'
import type { Scope } from './scope.ts'

/**
 * Lets those go on that waited for these rows only, and holds back those that come to wait for them. Does nothing for
 * entities that are no nodes of a graph.
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
  if (moved.length === 0 || graphsOver(scope).length === 0) return
  // Loaded late: it takes transitions, which settle in turn.
  const { settleDependents } = await import('./graph-guard.ts')
  await settleDependents(transaction, scope, moved, actor, unit)
}
