/**
 * `expire` rules: rows that stayed in a state for too long are taken through a transition (decisions 40 and 52), with
 * all that any other way of taking it has: stamps, effects, the audit log, what waits in a graph.
 */
import type { Actor } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import type { RuleScope } from '../model/due.ts'
import type { JobResult } from '../model/job.ts'
import type { Transition } from '../model/lifecycle.ts'
import { moveBatch } from './bulk.ts'
import { atMost, changeDue, countDue, type DueOptions, type DuePlan, dueIds, scopeOfRule } from './due-batches.ts'
import type { Values } from './input.ts'
import { type Rehearsal, rehearseMove } from './rehearse.ts'
import { lifecycleOf } from './transition.ts'

export interface ExpiryPlan extends DuePlan, Rehearsal {
  readonly transition: Transition
}

/** What the rule would do now, the consequences for other rows among it. Changes nothing. */
export async function planExpiry(
  db: Database,
  rule: RuleScope,
  { limit }: DueOptions,
  actor: Actor,
): Promise<ExpiryPlan> {
  const scope = scopeOfRule(rule)
  const { transition, values } = transitionOf(rule)
  const due = await countDue(db, rule)
  const found = due.rows === 0n ? [] : await dueIds(db, rule, { asOf: due.asOf, limit })
  const ids = found.map(({ id }) => id)
  const rehearsal = await rehearseMove(db, scope, transition, ids, values, { actor })
  return { ...due, ...rehearsal, rows: atMost(due.rows, limit), transition }
}

/**
 * Takes what is due through the rule's transition.
 *
 * @see changeDue
 */
export function applyExpiry(
  db: Database,
  rule: RuleScope,
  run: JobRun,
  options: DueOptions = {},
): Promise<JobResult> {
  const scope = scopeOfRule(rule)
  const { transition, values } = transitionOf(rule)
  return changeDue(
    db,
    rule,
    run,
    options,
    `${transition.verb} ${scope.entity.plural}`,
    (on, ids, { only, ...batch }) =>
      moveBatch(on, scope, transition, ids, only, { ...batch, values, actor: run.actor }),
  )
}

/** @throws RangeError (a declaration at fault) */
function transitionOf(rule: RuleScope): { readonly transition: Transition; readonly values: Values } {
  const { entity } = scopeOfRule(rule)
  const { name, transition: verb, values = {} } = rule.applied.rule
  const transition = lifecycleOf(entity).transitions.find((one) => one.verb === verb)
  if (!transition) throw new RangeError(`rule ${rule.system.name}/${name}: ${entity.name} has no transition ${verb}`)
  return { transition, values }
}
