/**
 * Tasks and the course of their steps. A task is made from the seed and its number alone; the tables of its children
 * take it from here and add what is theirs.
 */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import type { Session, Sessions } from './sessions.ts'
import { type Step, stepCourse } from './steps.ts'
import { TASK_FAILURES, TERMINATIONS } from './words/failures.ts'
import { SITES, type Site } from './words/sites.ts'
import { IN_FLIGHT, type Organization, type User, type World } from './world.ts'

export type TaskStatus = 'created' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated'

export interface Task {
  readonly index: number
  readonly id: string
  readonly organization: Organization
  readonly user: User | undefined
  readonly session: Session | undefined
  readonly site: Site
  readonly status: TaskStatus
  readonly failure: string | null
  readonly createdAt: number
  /** When its first step began; undefined when it never ran. */
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
  readonly steps: readonly Step[]
  /** JSON, for completed tasks of sites that have something to extract. */
  readonly extracted: string | null
}

/** No task takes longer: the numbers in ids must not come round within its life (see `seedId`). */
const LONGEST = 90 * MINUTE

const OUTCOMES = new Weighted<TaskStatus>([
  ['completed', 72],
  ['failed', 13],
  ['cancelled', 8],
  ['terminated', 4],
])
/** The first tasks end in each way once, so that the smallest set has every state. */
const FIRST: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'terminated']
const SITE = zipf(SITES)
const FAILURE = zipf(TASK_FAILURES)
const TERMINATION = zipf(TERMINATIONS)
/** Seconds in the queue. */
const QUEUE = new LongTail(4, 0.9)
/** How slow a task is as a whole. */
const PACE = new LongTail(1, 0.55)
const STEPS = new Weighted<number>([
  [2, 1],
  [3, 3],
  [4, 5],
  [5, 5],
  [6, 4],
  [7, 2],
  [8, 1],
  [10, 0.6],
  [14, 0.3],
])

/** How many of the newest tasks are still created, queued or running. */
export function inFlight(tasks: number): number {
  return Math.min(Math.floor(tasks / 3), Math.max(9, Math.round(tasks * 0.02)), 60)
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

  /** @param sessions those of the block the task belongs to; may gain one */
  make(index: number, sessions: Sessions): Task {
    const { parameters, calendar, active, byShare } = this.#world
    const random = this.#random.at(index)
    const fromEnd = parameters.size - 1 - index
    const recent = fromEnd < this.#inFlight
    const createdAt = recent
      ? parameters.until - Math.floor(((fromEnd + 0.2 + 0.6 * random.fraction()) * IN_FLIGHT) / this.#inFlight)
      : calendar.at(index, parameters.size - this.#inFlight, random)
    // Work in flight goes round the organizations, so that none is over its limit of concurrent tasks.
    const inTurn = active[fromEnd % active.length]
    const organization = recent && inTurn !== undefined ? inTurn : byShare.draw(random)
    const status = recent ? this.#waiting(fromEnd) : (FIRST[index] ?? OUTCOMES.draw(random))
    const site = SITE.draw(random)
    const planned = Math.min(STEPS.draw(random), organization.maxSteps)
    const reached = status === 'completed' ? planned : random.between(1, planned)
    const neverRan = status === 'created' || status === 'queued' || (status === 'cancelled' && random.chance(0.4))
    const queued = Math.floor(QUEUE.draw(random) * SECOND)
    const limit = Math.min(createdAt + LONGEST, parameters.until) - SECOND
    const taskId = seedId('tsk', createdAt, index)
    const failure =
      status === 'failed' ? FAILURE.draw(random) : status === 'terminated' ? TERMINATION.draw(random) : null
    const steps = neverRan
      ? []
      : stepCourse(random, {
          task: index,
          from: Math.min(createdAt + queued, limit - SECOND),
          limit,
          pace: PACE.draw(random),
          count: reached,
          status,
          failure,
          extracts: site.extracted !== undefined,
          maxRetries: organization.maxRetries,
        })
    const last = steps.at(-1)
    const ended = status === 'created' || status === 'queued' || status === 'running' ? undefined : true
    const completedAt =
      ended && Math.min((last?.completedAt ?? createdAt + queued) + 200_000 + random.below(800_000), limit)
    const startedAt = steps[0]?.startedAt
    const sequence = index * 2
    const session =
      startedAt !== undefined
        ? sessions.take(random, { organizationId: organization.id, startedAt, endedAt: completedAt, sequence })
        : status === 'queued' && index % 2 === 0
          ? sessions.reserve(organization.id, createdAt, sequence)
          : undefined
    return {
      index,
      id: taskId,
      organization,
      user: random.chance(0.85) ? random.pick(organization.users) : undefined,
      session,
      site,
      status,
      failure,
      createdAt,
      startedAt,
      completedAt,
      steps,
      extracted: status === 'completed' && site.extracted ? JSON.stringify(site.extracted(random)) : null,
    }
  }

  /** The newest are created, those before them queued, the oldest in flight running. */
  #waiting(fromEnd: number): TaskStatus {
    const third = this.#inFlight / 3
    if (fromEnd < third) return 'created'
    return fromEnd < 2 * third ? 'queued' : 'running'
  }
}

/** Rows of `tasks`. */
export function* taskRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'task rows')
  for (const task of tasks) {
    const random = source.at(task.index)
    const { organization, site, createdAt, completedAt } = task
    const lastStep = task.steps.at(-1)
    const modifiedAt = completedAt ?? lastStep?.startedAt ?? createdAt
    const needsCode = site.totp === true
    yield [
      task.id,
      organization.id,
      task.user?.id ?? null,
      task.session?.id ?? null,
      task.status,
      site.url(random),
      random.pick(site.goals),
      site.extractionGoal ?? null,
      site.payload && random.chance(0.9) ? JSON.stringify(site.payload(random)) : null,
      site.proxies && random.chance(0.7) ? random.pick(site.proxies) : null,
      random.chance(0.3) ? organization.webhook : null,
      task.extracted,
      task.failure,
      timestampText(createdAt),
      timestampText(modifiedAt),
      completedAt === undefined ? null : timestampText(completedAt),
      needsCode && random.chance(0.6) ? `https://codes.${organization.domain ?? 'mail.example'}/totp` : null,
      needsCode ? (task.user?.email ?? 'shared@mail.example') : null,
    ]
  }
}
