/**
 * Tasks and all that follows from them. A task is made from the seed and its number alone; the tables of its children
 * take it from here and add what is theirs.
 */
import { HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { type Order, ordersOf } from './orders.ts'
import { NUMBERS } from './tables.ts'
import { REPOSITORIES } from './words/people.ts'
import { PARTS, RARE_CAPABILITY, WORK, type WorkType } from './words/work.ts'
import { IN_FLIGHT, inFlight, type User, type Worker, type World, workerInProgress } from './world.ts'

export type TaskStatus = 'pending' | 'queued' | 'in_progress' | 'blocked' | 'completed' | 'failed' | 'cancelled'

export interface Task {
  readonly index: number
  readonly id: string
  readonly title: string
  readonly type: WorkType
  readonly priority: string
  readonly status: TaskStatus
  readonly queue: string
  readonly repository: string
  readonly branch: string
  readonly pullRequest: number | null
  readonly user: User | undefined
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
  readonly deletedAt: number | undefined
  /** Who works on it, or did. */
  readonly worker: Worker | undefined
  readonly orders: readonly Order[]
}

/** No finished task takes longer, from its creation. */
const LONGEST = 5 * HOUR
/** In flight, from the oldest to the newest, a quarter each. */
const UNFINISHED: readonly TaskStatus[] = ['in_progress', 'queued', 'pending', 'blocked']
/** The first tasks end in each way once, so that the smallest set has every state. */
const FIRST: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'completed']
const OUTCOMES = new Weighted<TaskStatus>([
  ['completed', 79],
  ['failed', 12],
  ['cancelled', 9],
])
const TYPES = new Weighted<WorkType>([
  ['feature', 26],
  ['bugfix', 30],
  ['test', 16],
  ['docs', 9],
  ['refactor', 9],
  ['review', 10],
])
const PRIORITIES = new Weighted<string>([
  ['normal', 62],
  ['high', 20],
  ['low', 13],
  ['critical', 5],
])
const PERMISSIONS = new Weighted<string>([
  ['autonomous', 60],
  ['supervised', 32],
  ['human_required', 8],
])
/** Minutes from the creation of a task to its order. */
const PLANNING = new LongTail(9, 1)

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
    const world = this.#world
    const { parameters, calendar } = world
    const random = this.#random.at(index)
    const fromEnd = parameters.size - 1 - index
    const isInFlight = fromEnd < this.#inFlight
    const position = this.#inFlight - 1 - fromEnd
    const createdAt = isInFlight
      ? parameters.until -
        5 * MINUTE -
        Math.floor(((fromEnd + 0.8 * random.fraction()) * (IN_FLIGHT - 5 * MINUTE)) / this.#inFlight)
      : calendar.at(index, parameters.size - this.#inFlight, random)
    const status = isInFlight
      ? (UNFINISHED[Math.floor((position * 4) / this.#inFlight)] ?? 'pending')
      : (FIRST[index] ?? OUTCOMES.draw(random))
    const place = isInFlight ? position - Math.ceil((UNFINISHED.indexOf(status) * this.#inFlight) / 4) : 0
    const worker = status === 'in_progress' ? workerInProgress(world, place) : undefined
    const type = worker?.type ?? TYPES.draw(random)
    const words = WORK[type]
    const title = random.pick(words.titles)(random.pick(PARTS))
    const limit = isInFlight ? parameters.until - SECOND : createdAt + LONGEST
    const planning = Math.ceil(PLANNING.draw(random) * MINUTE)
    const from = createdAt + Math.min(planning, Math.floor((limit - createdAt) / 3))
    const orders = ordersOf(world, random, { index, type, status, from, limit, worker, place })
    const allTries = orders.flatMap(({ tries }) => tries)
    const last = allTries.at(-1)
    const finished = status === 'completed' || status === 'failed' || status === 'cancelled'
    const ended = orders.at(-1)?.completedAt ?? from
    const user = random.chance(0.9) ? random.pick(world.users) : undefined
    return {
      index,
      id: seedUuid(NUMBERS.tasks, createdAt, index),
      title: `${title.charAt(0).toUpperCase()}${title.slice(1)}`,
      type,
      priority: PRIORITIES.draw(random),
      status,
      queue: words.queue,
      repository: random.pick(REPOSITORIES),
      branch: `agent/${type}-${index + 1}`,
      pullRequest: status === 'completed' && type !== 'review' ? 100 + Math.floor(index / 3) : null,
      user: user?.isGone ? undefined : user,
      createdAt,
      startedAt: allTries[0]?.startedAt,
      completedAt: finished ? ended : undefined,
      // Some of what was cancelled was then thrown away.
      deletedAt: status === 'cancelled' && random.chance(0.15) ? ended + 2 * MINUTE : undefined,
      worker: status === 'queued' ? undefined : last?.worker,
      orders,
    }
  }
}

/** Rows of `tasks`. */
export function* taskRows(world: World, tasks: readonly Task[], idOf: (index: number) => string): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'task rows')
  for (const task of tasks) {
    const random = source.at(task.index)
    const asked = WORK[task.type].capabilities.filter(() => random.chance(0.3))
    const rare = random.chance(0.04) || (task.status === 'queued' && task.index % 3 === 0)
    const capabilities = rare ? [...asked, RARE_CAPABILITY] : asked
    const parent =
      task.index > 0 && random.chance(0.12) ? idOf(task.index - 1 - random.below(Math.min(task.index, 6))) : null
    yield [
      task.id,
      task.title,
      random.chance(0.7) ? `${task.title}.\nSee the issue for how to reproduce it.` : null,
      task.type,
      PERMISSIONS.draw(random),
      task.priority,
      task.status,
      task.repository,
      task.branch,
      random.chance(0.6) ? 1 + Math.floor(task.index / 2) : null,
      task.pullRequest,
      JSON.stringify(capabilities.length > 0 ? { capabilities } : {}),
      JSON.stringify({ estimate: random.pick(['S', 'M', 'L']) }),
      task.user?.id ?? null,
      task.worker?.id ?? null,
      parent,
      timestampText(task.createdAt),
      timestampText(
        task.deletedAt ?? task.completedAt ?? task.orders.at(-1)?.tries.at(-1)?.startedAt ?? task.createdAt,
      ),
      task.startedAt === undefined ? null : timestampText(task.startedAt),
      task.completedAt === undefined ? null : timestampText(task.completedAt),
      task.deletedAt === undefined ? null : timestampText(task.deletedAt),
    ]
  }
}
