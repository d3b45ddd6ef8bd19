/** A transition of all rows that match filters: the plan fixes which, batches move them, the journal remembers. */
import type { BulkPlan } from '../../crud/bulk.ts'
import type { Filter } from '../../crud/filters.ts'
import type { Rehearsal } from '../../crud/rehearse.ts'
import type { ParsedInput } from '../command.ts'
import { integer } from '../flags.ts'
import { actorOf } from './actor.ts'
import type { Step } from './transition-step.ts'
import { type Done, exitCodeOf } from './transition-view.ts'

export const bulkFlags = {
  maxRows: integer('<n>', 'refuse when more rows than this would change', { min: 1 }),
  batchSize: integer('<n>', 'rows of one transaction (default 500)', { min: 1, max: 10_000 }),
}

/** Which rows, and what would happen to others with them. */
export async function planMatching(
  { context, scope, declared, given }: Step,
  filters: readonly Filter[],
  input: ParsedInput,
): Promise<{ readonly plan: BulkPlan; readonly rehearsal: Rehearsal }> {
  const { planBulk } = await import('../../crud/bulk.ts')
  const { rehearseMove } = await import('../../crud/rehearse.ts')
  const db = await context.db()
  const plan = await planBulk(db, scope, declared, filters, numberOf(input.maxRows))
  const rehearsal = await rehearseMove(db, scope, declared, plan.ids, given.values, { actor: actorOf(context) })
  return { plan, rehearsal }
}

export async function movePlanned(
  { context, scope, declared, given }: Step,
  plan: BulkPlan,
  filters: readonly Filter[],
  input: ParsedInput,
): Promise<Done> {
  const { applyBulk } = await import('../../crud/bulk.ts')
  const { journalRun } = await import('../../db/journal.ts')
  const db = await context.db()
  const options = {
    values: given.values,
    filters,
    actor: actorOf(context),
    signal: context.signal,
    onProgress: context.ui.progress,
    batchSize: numberOf(input.batchSize),
  }
  const run = { ...context, plan: { verb: declared.verb, rows: plan.ids.length } }
  const result = await journalRun(db, run, async () => {
    const value = await applyBulk(db, scope, declared, plan, options)
    const { moved, skipped, failed, left } = value
    return { value, counts: { moved, skipped, failed, left }, exitCode: exitCodeOf({ mode: 'bulk', result: value }) }
  })
  if (result.stopped) {
    const [done, left] = [result.planned - result.left, result.left].map((count) => count.toLocaleString('en'))
    context.ui.warn(`${result.stopped.message}: ${done} rows were dealt with, ${left} are left as they were`)
  }
  return { mode: 'bulk', result }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
