/** Why rows cannot take a transition: their state, their deletion, the rows they wait for, or their time. */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { type Transition, transitionsFrom } from '../model/lifecycle.ts'
import type { Scope } from './scope.ts'
import { whyDeleted } from './soft-delete.ts'
import { type Found, lifecycleOf } from './ways.ts'

/** @returns the reason of each row that cannot take it, to complete `<entity> <id> …` */
export async function refusalsOf(
  transaction: Transaction,
  scope: Scope,
  declared: Transition,
  found: readonly Found[],
): Promise<ReadonlyMap<Cells, string>> {
  const { entity } = scope
  const reasons = new Map<Cells, string>()
  for (const { row, late } of found) {
    const reason =
      whyDeleted(entity, row) ?? whyNot(entity, declared, row) ?? (late ? whyLate(declared, row) : undefined)
    if (reason !== undefined) reasons.set(row, reason)
  }
  const open = found.map(({ row }) => row).filter((row) => !reasons.has(row))
  if (declared.claims?.parents !== undefined && open.length > 0) {
    const { whyHeld } = await import('./held.ts')
    for (const [row, reason] of await whyHeld(transaction, scope, declared, open)) reasons.set(row, reason)
  }
  if (!declared.awaitsDependencies || open.length === 0) return reasons
  const { whyWaiting } = await import('./graph-guard.ts')
  const waiting = await whyWaiting(transaction, scope, open)
  for (const row of open) {
    const reason = waiting.get(String(row[entity.primaryKey]))
    if (reason !== undefined) reasons.set(row, reason)
  }
  return reasons
}

/** The state a row is in and where it may go from there. */
function whyNot(entity: Entity, declared: Transition, row: Cells): string | undefined {
  const lifecycle = lifecycleOf(entity)
  const state = String(row[lifecycle.field])
  if (declared.from.includes(state)) return undefined
  const ways = transitionsFrom(lifecycle, state).flatMap(({ verb, to, internal }) =>
    (internal ? operationsThatTake(entity, verb) : [verb]).map((name) => `${name} (to ${to})`),
  )
  const onward = [...new Set(ways)]
  const there =
    onward.length === 0
      ? `nothing leads out of ${state}`
      : `from ${state} there ${onward.length === 1 ? 'is' : 'are'} ${onward.join(', ')}`
  return `is ${state}, and ${declared.verb} needs ${declared.from.join(' or ')}; ${there}`
}

/** The commands by which somebody takes an internal transition of the row itself (`worker heartbeat`). */
function operationsThatTake({ operations }: Entity, verb: string): string[] {
  return operations.flatMap((operation) => {
    const effects = operation.kind === 'assign' ? (operation.effects ?? []) : []
    const takes = effects.some((effect) => 'move' in effect && effect.move === verb && 'self' in effect.of)
    return takes ? [operation.name] : []
  })
}

function whyLate({ claims }: Transition, row: Cells): string {
  const field = claims?.notAfter ?? ''
  return `cannot be claimed any more: its ${field} (${String(row[field])}) has passed`
}
