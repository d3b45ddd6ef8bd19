/** Transitions that may create their row first (`workflow-run start --workflow-id …`), in one transaction. */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Lifecycle, Transition } from '../model/lifecycle.ts'
import type { Candidate } from './candidate.ts'
import { problemsOf, writeCandidates } from './create.ts'
import { type Reading, refuseInput, type Values } from './input.ts'
import type { Scope } from './scope.ts'
import { lifecycleOf, moveRows } from './transition.ts'
import { unitOfWork } from './unit-of-work.ts'

/**
 * Creates a row and takes it through the transition, by way of the states in between.
 *
 * @param reading fields of the new row, and what was wrong with the input
 * @param values what the transition itself takes
 * @throws RefusedError (exit 5) with every problem
 */
export function createAndMove(
  db: Database,
  scope: Scope,
  declared: Transition,
  reading: Reading,
  values: Values,
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<Cells> {
  const { entity } = scope
  const way = wayTo(lifecycleOf(entity), declared)
  return unitOfWork(db, dryRun, async (transaction) => {
    const candidate: Candidate = { values: reading.values, problems: [...reading.problems] }
    const [created] = await writeCandidates(transaction, scope, [candidate], actor)
    refuseInput(entity, declared.verb, problemsOf(candidate))
    if (!created) throw new Error('a row without problems was not inserted')
    let row = created
    for (const step of way) {
      const id = String(row[entity.primaryKey])
      const { moved } = await moveRows(transaction, scope, step, [id], step === declared ? values : {}, actor)
      const [one] = moved
      if (!one) throw new Error(`${step.verb} did not move the row that was just created`)
      row = { ...row, ...one.after }
    }
    return row
  })
}

/**
 * The shortest way from the initial state through the transition, over transitions that need nothing given.
 *
 * @throws RangeError (a declaration at fault) when there is none
 */
function wayTo(lifecycle: Lifecycle, declared: Transition): readonly Transition[] {
  const ways = new Map<string, readonly Transition[]>([[lifecycle.initial, []]])
  for (const [state, way] of ways) {
    if (declared.from.includes(state)) return [...way, declared]
    for (const next of lifecycle.transitions) {
      const needs =
        Object.values(next.takes ?? {}).includes('required') ||
        Object.values(next.inputs ?? {}).some(({ nullable }) => !nullable)
      // A Map visits entries that are added while it is walked, in order: breadth first.
      if (next.from.includes(state) && !needs && !ways.has(next.to)) ways.set(next.to, [...way, next])
    }
  }
  throw new RangeError(`no way leads from ${lifecycle.initial} to ${declared.verb}`)
}
