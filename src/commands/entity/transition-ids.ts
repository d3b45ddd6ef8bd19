/** A transition of rows that are named by their ids. */
import type { Cells } from '../../model/column.ts'
import { actorOf } from './actor.ts'
import type { Step } from './transition-step.ts'
import type { Done } from './transition-view.ts'

interface Named {
  readonly id: readonly string[]
  /** Change those that can be changed, name the others. */
  readonly keepGoing: boolean
}

/**
 * What the question is about: the rows as they are; with `keepGoing`, those that there are. Nothing is read where no
 * question is asked.
 */
export async function rowsAsked(
  { context, scope, declared }: Step,
  { id: ids, keepGoing }: Named,
): Promise<readonly Cells[]> {
  if (ids.length < 2 || declared.ends !== true) return ids.map((id) => ({ [scope.entity.primaryKey]: id }))
  const { getRows } = await import('../../crud/get.ts')
  const { presentIds } = await import('../../crud/missing.ts')
  const db = await context.db()
  const { rows } = await getRows(db, scope, keepGoing ? await presentIds(db, scope, ids) : ids)
  return rows
}

/** The rows as the transition would leave them. */
export async function rehearseRows(step: Step, input: Named): Promise<readonly Cells[]> {
  const { moved } = await move(step, input, true)
  return moved.map(({ after }) => after)
}

export async function moveNamed(step: Step, input: Named): Promise<Done> {
  const { changesBetween } = await import('../../crud/changes.ts')
  const { moved, failures } = await move(step, input, false)
  const [only] = moved
  return moved.length === 1 && only && !input.keepGoing
    ? { mode: 'one', row: only.after, changes: changesBetween(step.scope.entity, only.before, only.after) }
    : { mode: 'several', rows: moved.map(({ after }) => after), failures }
}

/** All or none; with `keepGoing` each by itself, and a warning about each that cannot be moved. */
async function move({ context, scope, declared, given }: Step, { id: ids, keepGoing }: Named, dryRun: boolean) {
  const { transitionEach, transitionRows } = await import('../../crud/transition.ts')
  const db = await context.db()
  const options = { actor: actorOf(context), dryRun }
  if (!keepGoing) {
    return { moved: await transitionRows(db, scope, declared, ids, given.values, options), failures: [] }
  }
  const result = await transitionEach(db, scope, declared, ids, given.values, options)
  for (const { id, reason } of result.failures) context.ui.warn(`${id} ${reason}`)
  return result
}
