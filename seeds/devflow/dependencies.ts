/**
 * Dependencies between tasks of one project, always on earlier ones, so that no cycle can come about. What a task that
 * was started waited for was completed before; only a pending one waits for what is not.
 */
import { timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import type { Task } from './tasks.ts'
import type { Project, World } from './world.ts'

export interface Dependency {
  readonly id: string
  readonly dependent: Task
  readonly dependency: Task
  readonly type: 'blocks' | 'requires' | 'suggests' | 'conflicts'
  readonly satisfiedAt: number | null
}

/** Earlier tasks of its project that one may depend on, and how many it does at most. */
const REACH = 40
const MOST = 4

export function dependenciesOf(world: World, tasks: readonly Task[]): Dependency[] {
  const source = new Random(world.parameters.seed, 'dependencies')
  const byProject = new Map<Project, Task[]>()
  return tasks.flatMap((task) => {
    const random = source.at(task.index)
    const before = byProject.get(task.project) ?? []
    byProject.set(task.project, [...before, task].slice(-REACH))
    if (!random.chance(task.status === 'pending' ? 0.6 : 0.3)) return []
    const chosen = new Set(
      before.length === 0 ? [] : Array.from({ length: random.between(1, MOST - 1) }, () => random.pick(before)),
    )
    return [...chosen].map((dependency, number): Dependency => {
      const done = dependency.status === 'completed' ? dependency.completedAt : null
      const waits = task.status === 'pending' || (done !== null && done <= startOf(task))
      const drawn = random.fraction()
      const type =
        waits && drawn < 0.8 ? (drawn < 0.55 ? 'blocks' : 'requires') : drawn < 0.93 ? 'suggests' : 'conflicts'
      // Now and then somebody lets a task go on although what it waits for is not finished.
      const byHand = done === null && task.status === 'pending' && random.chance(0.08)
      return {
        id: seedUuid(NUMBERS.dependencies, task.createdAt, task.index * MOST + number),
        dependent: task,
        dependency,
        type,
        satisfiedAt: done !== null ? Math.max(done, task.createdAt) : byHand ? task.updatedAt : null,
      }
    })
  })
}

/** When work on the task began at the earliest. */
function startOf({ assignedAt, createdAt }: Task): number {
  return assignedAt ?? createdAt
}

/** What the trigger makes of the dependencies of a task (`tasks.dependencies`): in the order of the ids. */
export function projectionsOf(dependencies: readonly Dependency[]): ReadonlyMap<Task, string> {
  const byTask = new Map<Task, Dependency[]>()
  for (const each of dependencies) byTask.set(each.dependent, [...(byTask.get(each.dependent) ?? []), each])
  return new Map(
    [...byTask].map(([task, own]) => [
      task,
      JSON.stringify(
        own
          .map(({ dependency, type }) => ({ task_id: dependency.id, type }))
          .sort((one, other) => (one.task_id < other.task_id ? -1 : 1)),
      ),
    ]),
  )
}

export function* dependencyRows(dependencies: readonly Dependency[]): Generator<SeedRow> {
  for (const { id, dependent, dependency, type, satisfiedAt } of dependencies) {
    const at = satisfiedAt === null ? null : timestampText(satisfiedAt)
    const made = timestampText(dependent.createdAt)
    yield [id, dependent.id, dependency.id, type, at !== null, at, made, at ?? made]
  }
}
