/** A transition that creates its row first (`workflow-run start --workflow-id …`). */
import type { Cells } from '../../model/column.ts'
import { actorOf } from './actor.ts'
import type { Step } from './transition-step.ts'

/** @returns the row after the transition; with `dryRun` as it would be */
export async function createAndStep({ context, scope, declared, given }: Step, dryRun: boolean): Promise<Cells> {
  const { createAndMove } = await import('../../crud/start.ts')
  const options = { actor: actorOf(context), dryRun }
  return createAndMove(await context.db(), scope, declared, given.reading, given.values, options)
}
