/**
 * Tasks and the attempts at them. A task is made from the seed and its number alone; its dependencies, pull request,
 * validations and events take it from here.
 */
import { DAY, HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { type Attempt, attemptsOf } from './executions.ts'
import { NUMBERS } from './tables.ts'
import type { AgentType } from './words/projects.ts'
import { AREAS, CRITERIA, TASKS, type TaskWords } from './words/tasks.ts'
import { ASKING, IN_FLIGHT, type Project, type World } from './world.ts'

export type TaskStatus = 'pending' | 'in_progress' | 'validation' | 'completed' | 'failed' | 'cancelled'

export interface Task {
  readonly index: number
  readonly id: string
  readonly project: Project
  readonly words: TaskWords
  readonly area: string
  readonly title: string
  readonly status: TaskStatus
  readonly agent: AgentType | null
  readonly assignedAt: number | null
  readonly by: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly completedAt: number | null
  readonly attempts: readonly Attempt[]
}

const OUTCOMES = new Weighted<TaskStatus>([
  ['completed', 76],
  ['failed', 13],
  ['cancelled', 11],
])
/** The first tasks end in each way once, so that the smallest set has every end. */
const FIRST: readonly TaskStatus[] = ['completed', 'failed', 'cancelled']
const WORDS = zipf(TASKS)
const AGENT = new Weighted<AgentType>([
  ['claude_code', 50],
  ['codegen', 30],
  ['task_manager', 12],
  ['webhook_orchestrator', 8],
])
/** Minutes until somebody gives the task to an agent. */
const WAIT = new LongTail(35, 1)
const PRIORITY = new Weighted<number>([
  [0, 20],
  [3, 25],
  [5, 30],
  [7, 14],
  [8, 8],
  [10, 3],
])

/** How many of the newest tasks are still pending, in progress or in validation. */
export function inFlight(tasks: number): number {
  return Math.min(Math.floor(tasks / 3), Math.max(12, Math.round(tasks * 0.1)), 400)
}

/** Makes tasks by their number. One maker must not be shared by loops that run at the same time. */
export class TaskMaker {
  readonly #world: World
  readonly #random: Random
  readonly #inFlight: number

  constructor(world: World) {
    this.#world = world
    this.#random = new Random(world.parameters.seed, 'tasks')
    this.#inFlight = inFlight(world.parameters.size)
  }

  make(index: number): Task {
    const { parameters, calendar, byShare, open } = this.#world
    const { until } = parameters
    const random = this.#random.at(index)
    const fromEnd = parameters.size - 1 - index
    const recent = fromEnd < this.#inFlight
    const createdAt = recent
      ? until -
        Math.floor(((fromEnd + 0.2 + 0.6 * random.fraction()) * (IN_FLIGHT - HOUR)) / this.#inFlight) -
        HOUR / 2
      : calendar.at(index, parameters.size - this.#inFlight, random)
    const drawn = recent ? open.draw(random) : byShare.draw(random)
    // An archived project got no task any more.
    const project = createdAt < drawn.until ? drawn : open.draw(random)
    const status = recent ? this.#waiting(fromEnd) : (FIRST[index] ?? OUTCOMES.draw(random))
    const words = WORDS.draw(random)
    const area = random.pick(AREAS)
    const limit = Math.min(createdAt + 12 * DAY, until - MINUTE)
    const neverGiven = (status === 'pending' && random.chance(0.6)) || (status === 'cancelled' && random.chance(0.3))
    const assignedAt = neverGiven
      ? null
      : Math.min(createdAt + Math.floor(WAIT.draw(random) * MINUTE), createdAt + Math.floor((limit - createdAt) / 4))
    const agent = assignedAt === null ? null : AGENT.draw(random)
    const attempts =
      agent === null || assignedAt === null || status === 'pending'
        ? []
        : attemptsOf(random, { task: index, agent, from: assignedAt, limit, status, hours: words.hours, words })
    const last = attempts.at(-1)
    const worked = last?.completedAt ?? last?.startedAt ?? last?.createdAt ?? assignedAt ?? createdAt
    const isOver = status === 'completed' || status === 'failed' || status === 'cancelled'
    const completedAt = isOver ? Math.min(worked + random.between(2, 90) * MINUTE, until - SECOND) : null
    return {
      index,
      id: seedUuid(NUMBERS.tasks, createdAt, index),
      project,
      words,
      area,
      title: words.title.replace('{area}', area),
      status,
      agent,
      assignedAt,
      by: ASKING.draw(random),
      createdAt,
      updatedAt: completedAt ?? worked,
      completedAt,
      attempts,
    }
  }

  /** The newest are pending, those before them in progress, the oldest in flight being validated. */
  #waiting(fromEnd: number): TaskStatus {
    const share = fromEnd / this.#inFlight
    if (share < 0.5) return 'pending'
    return share < 0.75 ? 'in_progress' : 'validation'
  }
}

/** One in eight is a part of an earlier task of its project, made in the same block. */
export function parentOf(random: Random, task: Task, earlier: readonly Task[]): Task | undefined {
  if (!random.chance(1 / 8)) return undefined
  const candidates = earlier.slice(-40).filter(({ project }) => project === task.project)
  return candidates.length === 0 ? undefined : random.pick(candidates)
}

/**
 * @param tasks of one block
 * @param projections `tasks.dependencies` by task
 */
export function* taskRows(
  world: World,
  tasks: readonly Task[],
  projections: ReadonlyMap<Task, string>,
): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'task rows')
  for (const [place, task] of tasks.entries()) {
    const random = source.at(task.index)
    const { words, project, createdAt, completedAt, attempts, status } = task
    const parent = parentOf(random, task, tasks.slice(Math.max(0, place - 40), place))
    const estimate = Math.round(words.hours * (0.5 + random.fraction())) * 3600
    const worked = attempts.reduce(
      (sum, { startedAt, completedAt: end }) => sum + (startedAt && end ? end - startedAt : 0),
      0,
    )
    const priority = PRIORITY.draw(random)
    const requirements = {
      type: words.type,
      priority,
      complexity: random.pick(['low', 'medium', 'medium', 'high']),
      estimated_hours: Math.round(estimate / 3600),
      acceptance_criteria: [random.pick(CRITERIA), random.pick(CRITERIA)],
    }
    const path = task.area.replaceAll(' ', '-')
    const context = {
      files: [`src/${path}.ts`, `test/${path}.test.ts`],
      repository: { branch: branchOf(task), commit: random.hex(12) },
      environment: random.pick(['development', 'development', 'staging']),
    }
    const isOver = completedAt !== null
    yield [
      task.id,
      project.id,
      parent?.id ?? null,
      task.title,
      random.chance(0.93) ? words.description : null,
      status,
      priority,
      JSON.stringify(requirements),
      projections.get(task) ?? '[]',
      JSON.stringify(context),
      JSON.stringify(random.chance(0.2) ? [...words.tags, 'urgent'] : words.tags),
      task.agent,
      task.assignedAt === null ? null : timestampText(task.assignedAt),
      random.chance(0.85) ? estimate : null,
      isOver && worked > 0 ? Math.round(worked / SECOND) : null,
      random.chance(0.4) ? timestampText(createdAt + random.between(2, 14) * DAY) : null,
      task.by,
      timestampText(createdAt),
      timestampText(task.updatedAt),
      completedAt === null ? null : timestampText(completedAt),
    ]
  }
}

/** The branch that a task is worked on in. */
export function branchOf({ words, area, index }: Task): string {
  const kind = words.type === 'bugfix' ? 'fix' : words.type === 'feature' ? 'feature' : words.type
  return `${kind}/${area.replaceAll(' ', '-')}-${index + 1}`
}
