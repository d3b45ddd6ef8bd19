/**
 * What a transition of many rows would do to others, for its plan: everything is done as it would be, counted, and
 * rolled back.
 */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Transition } from '../model/lifecycle.ts'
import type { Sql } from '../model/sql.ts'
import type { Failure } from './changes.ts'
import { type Consequence, newUnit, Tally } from './consequences.ts'
import { graphsOver } from './graph.ts'
import type { Values } from './input.ts'
import { underSavepoint } from './savepoint.ts'
import type { Scope } from './scope.ts'
import { moveRows, reasonsOf } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'
import { waysOf } from './ways.ts'

/** Rows that are rehearsed together. */
const TOGETHER = 500
/**
 * Rows of a plan that are rehearsed at most, and milliseconds after which no further ones are begun: their locks are held
 * meanwhile, and a person waits for the plan.
 */
const REHEARSED = 5_000
const REHEARSAL_MS = 1_000

export interface Rehearsal {
  readonly consequences: readonly Consequence[]
  /** Rows that the counts are about: fewer than all when the plan is very large. */
  readonly rehearsed: number
  /** Rows among them that were refused, with the reason. */
  readonly refused: readonly Failure[]
}

/** Whether a transition can reach other rows than its own: by its effects, or by those that wait for its rows. */
function reachesOthers(scope: Scope, declared: Transition): boolean {
  const settles = graphsOver(scope).some(({ graph }) => graph.block !== undefined || graph.release !== undefined)
  return settles || waysOf(declared).some(({ effects }) => effects.length > 0)
}

/**
 * Rehearses a transition of the rows of a plan; those that would be refused count for nothing.
 *
 * @param only what must hold of the rows besides
 */
export async function rehearseMove(
  db: Database,
  scope: Scope,
  declared: Transition,
  ids: readonly string[],
  given: Values,
  { actor, only }: { readonly actor: Actor; readonly only?: Sql },
): Promise<Rehearsal> {
  if (ids.length === 0 || !reachesOthers(scope, declared))
    return { consequences: [], rehearsed: Math.min(ids.length, REHEARSED), refused: [] }
  const condition = only === undefined ? {} : { only }
  const began = performance.now()
  const { counted: tally, ...tried } = await unitOfWork(db, true, async (transaction) => {
    const counted = new Tally()
    const refused: Failure[] = []
    const move = async (named: readonly string[]) => {
      const part = new Tally()
      await underSavepoint(transaction, () =>
        moveRows(transaction, scope, declared, named, given, actor, {
          ...condition,
          skipLocked: true,
          unit: newUnit(part),
        }),
      )
      counted.addAll(part)
    }
    let rehearsed = 0
    while (rehearsed < Math.min(ids.length, REHEARSED)) {
      if (rehearsed > 0 && performance.now() - began > REHEARSAL_MS) break
      const some = ids.slice(rehearsed, Math.min(rehearsed + TOGETHER, REHEARSED))
      rehearsed += some.length
      try {
        await move(some)
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        for (const id of some) {
          await move([id]).catch((reason: unknown) => {
            if (!(reason instanceof RefusedError)) throw reason
            refused.push({ id, reason: reasonsOf(reason) })
          })
        }
      }
    }
    return { counted, rehearsed, refused }
  })
  return { consequences: tally.list(), ...tried }
}
