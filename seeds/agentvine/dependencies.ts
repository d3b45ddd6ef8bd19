/**
 * What tasks wait for. Every edge leads to an older task, so that there is no cycle; who was queued waited for nothing
 * any more; who is blocked waits for something unfinished.
 */
import { timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import { type Task, TaskMaker } from './tasks.ts'
import { inFlight, type World } from './world.ts'

/** How far back a task looks for what it depends on. */
const REACH = 12

/** Rows of `task_dependencies`. */
export function* dependencyRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'dependencies')
  const maker = new TaskMaker(world)
  const { size } = world.parameters
  const firstInFlight = size - inFlight(size)
  for (const task of tasks) {
    const random = source.at(task.index)
    const chosen = new Map<number, string>()
    if (task.status === 'blocked') {
      chosen.set(firstInFlight + random.below(task.index - firstInFlight), 'blocks')
      if (random.chance(0.3)) chosen.set(task.index - 1, 'blocks')
    }
    const wanted = random.chance(0.3) ? 1 + random.below(2) : 0
    for (let count = 0; count < wanted && task.index > 0; count++) {
      const other = maker.make(Math.max(0, task.index - 1 - random.below(REACH)))
      const before = other.completedAt ?? Number.POSITIVE_INFINITY
      const isDone = other.status === 'completed' && before <= (task.orders[0]?.enqueuedAt ?? task.createdAt)
      const type = isDone && random.chance(0.8) ? 'blocks' : random.pick(['related', 'related', 'duplicate'])
      if (!chosen.has(other.index)) chosen.set(other.index, type)
    }
    let number = 0
    for (const [index, type] of chosen) {
      const at = timestampText(task.createdAt)
      const id = seedUuid(NUMBERS.dependencies, task.createdAt, task.index * 4 + number++)
      yield [id, task.id, maker.make(index).id, type, at, at]
    }
  }
}
