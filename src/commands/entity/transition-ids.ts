/** A transition of rows that are named by their ids. */
import type { Consequence } from '../../crud/consequences.ts'
import type { Cells } from '../../model/column.ts'
import { actorOf } from './actor.ts'
import { noteConsequences } from './consequence-view.ts'
import type { Step } from './transition-step.ts'
import type { Done } from './transition-view.ts'

interface Named {
  readonly id: readonly string[]
  /** Change those that can be changed, name the others. */
  readonly keepGoing: boolean
}

interface Asked {
  readonly rows: readonly Cells[]
  readonly consequences: readonly Consequence[]
}

/**
 * What the question is about: the rows as they are, and what happens to others with them; with `keepGoing`, those that
 * there are. Nothing is read where no question is asked.
 */
export async function rowsAsked(step: Step, { id: ids, keepGoing }: Named): Promise<Asked> {
  const { context, scope, declared, given } = step
  if (ids.length < 2 || declared.ends !== true) {
    return { rows: ids.map((id) => ({ [scope.entity.primaryKey]: id })), consequences: [] }
  }
  const { getRows } = await import('../../crud/get.ts')
  const { presentIds } = await import('../../crud/missing.ts')
  const { rehearseMove } = await import('../../crud/rehearse.ts')
  const db = await context.db()
  const wanted = await keysOf(step, ids)
  const { rows } = await getRows(db, scope, keepGoing ? await presentIds(db, scope, wanted) : wanted)
  const { consequences } = await rehearseMove(db, scope, declared, wanted, given.values, { actor: actorOf(context) })
  return { rows, consequences }
}

/** The rows as the transition would leave them. */
export async function rehearseRows(step: Step, input: Named): Promise<Asked> {
  const { moved, consequences } = await move(step, input, true)
  return { rows: moved.map(({ after }) => after), consequences }
}

export async function moveNamed(step: Step, input: Named): Promise<Done> {
  const { changesBetween } = await import('../../crud/changes.ts')
  const { moved, failures, consequences } = await move(step, input, false)
  noteConsequences(step.context, consequences)
  const [only] = moved
  return moved.length === 1 && only && !input.keepGoing
    ? { mode: 'one', row: only.after, changes: changesBetween(step.scope.entity, only.before, only.after) }
    : { mode: 'several', rows: moved.map(({ after }) => after), failures }
}

/** All or none; with `keepGoing` each by itself, and a warning about each that cannot be moved. */
async function move(step: Step, { id: ids, keepGoing }: Named, dryRun: boolean) {
  const { context, scope, declared, given } = step
  const { transitionEach, transitionRows } = await import('../../crud/transition.ts')
  const { Tally } = await import('../../crud/consequences.ts')
  const db = await context.db()
  const wanted = await keysOf(step, ids)
  const tally = new Tally()
  const options = { actor: actorOf(context), dryRun, tally }
  if (!keepGoing) {
    const moved = await transitionRows(db, scope, declared, wanted, given.values, options)
    return { moved, failures: [], consequences: tally.list() }
  }
  const result = await transitionEach(db, scope, declared, wanted, given.values, options)
  for (const { id, reason } of result.failures) context.ui.warn(`${id} ${reason}`)
  return { ...result, consequences: tally.list() }
}

async function keysOf({ context, scope }: Step, texts: readonly string[]): Promise<string[]> {
  const { resolveIds } = await import('../../crud/ids.ts')
  return resolveIds(await context.db(), scope, texts)
}
