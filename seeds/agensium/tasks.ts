/**
 * Tasks and the course of their stages. A task is made from the seed and its number alone; whether its user can pay for
 * it is the ledger's to say.
 */
import { DAY, HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { type Agent, defaultAgents, TOOL_SHARES, type Tool } from './words/agents.ts'
import { type Failure, TASK_FAILURES, TIMED_OUT, UPLOAD_FAILURES } from './words/errors.ts'
import { IN_FLIGHT, type User, type World } from './world.ts'

export type Status =
  | 'CREATED'
  | 'UPLOADING'
  | 'UPLOAD_FAILED'
  | 'QUEUED'
  | 'PROCESSING'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED'
  | 'EXPIRED'

/** When a task came to each state that it reached. */
export type Stages = { readonly [state in Exclude<Status, 'CREATED'>]?: number }

export interface Task {
  readonly index: number
  readonly id: string
  readonly user: User
  readonly tool: Tool
  readonly agents: readonly Agent[]
  readonly status: Status
  readonly failure: Failure | undefined
  readonly createdAt: number
  readonly stages: Stages
  /** When each of its agents was done, as far as they came. */
  readonly done: readonly number[]
}

const ENDS = new Weighted<Status>([
  ['COMPLETED', 74],
  ['FAILED', 9],
  ['EXPIRED', 9],
  ['CANCELLED', 7],
])
/** The first tasks of the busy period end in each way once, so that the smallest set has every state. */
const FIRST: readonly Status[] = ['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED', 'COMPLETED', 'EXPIRED']
const CANCELLED_IN = new Weighted<Status>([
  ['CREATED', 3],
  ['UPLOADING', 3],
  ['QUEUED', 1.5],
  ['PROCESSING', 3],
])
const EXPIRED_IN = new Weighted<Status>([
  ['CREATED', 5],
  ['UPLOADING', 3],
  ['UPLOAD_FAILED', 1.5],
  ['QUEUED', 0.5],
])
/** The newest first. */
const WAITING: readonly Status[] = ['CREATED', 'UPLOADING', 'QUEUED', 'PROCESSING', 'UPLOAD_FAILED']

const TOOL = new Weighted(TOOL_SHARES)
const TASK_FAILURE = zipf(TASK_FAILURES)
const UPLOAD_FAILURE = zipf(UPLOAD_FAILURES)
/** Seconds. */
const UNTIL_UPLOAD = new LongTail(9, 0.9)
const UPLOAD = new LongTail(28, 0.9)
const QUEUE = new LongTail(5, 1)
const AGENT = new LongTail(22, 0.75)
const TRY_AGAIN = new LongTail(240, 0.8)

/** How many of the newest tasks have not ended yet. */
export function inFlight(tasks: number): number {
  return Math.min(Math.floor(tasks / 3), Math.max(10, Math.round(tasks * 0.02)), 60)
}

/** How many lie more than a year back. */
export const oldTasks = (tasks: number) => Math.floor(tasks * 0.05)

/** Makes tasks by their number. One maker must not be shared by loops that run at the same time. */
export class TaskMaker {
  readonly #world: World
  readonly #random: Random
  readonly #inFlight: number
  readonly #old: number

  constructor(world: World) {
    this.#world = world
    this.#random = new Random(world.parameters.seed, 'tasks')
    this.#inFlight = inFlight(world.parameters.size)
    this.#old = oldTasks(world.parameters.size)
  }

  make(index: number): Task {
    const { parameters, byShare, oldByShare, busy } = this.#world
    const random = this.#random.at(index)
    const fromEnd = parameters.size - 1 - index
    const waits = fromEnd < this.#inFlight
    const createdAt = this.#createdAt(index, random)
    const drawn = (index < this.#old ? oldByShare : byShare).draw(random)
    const user = (waits && busy[fromEnd % busy.length]) || drawn
    const tool = TOOL.draw(random)
    const all = defaultAgents(tool)
    // Most take the agents of the tool as they are; some choose.
    const agents = random.chance(0.7) ? all : all.filter((_, place) => place === 0 || random.chance(0.5))
    const status = waits
      ? (WAITING[Math.floor((fromEnd * WAITING.length) / this.#inFlight)] ?? 'CREATED')
      : (FIRST[index - this.#old] ?? ENDS.draw(random))
    const course = courseOf(random, { createdAt, status, agents, limit: parameters.until - SECOND })
    return { index, id: seedUuid(1, createdAt, index), user, tool, agents, status, createdAt, ...course }
  }

  #createdAt(index: number, random: Random): number {
    const { parameters, calendar } = this.#world
    const { size, until } = parameters
    if (index < this.#old) {
      return Math.floor(until - 398 * DAY + ((index + random.fraction()) / this.#old) * 31 * DAY)
    }
    const fromEnd = size - 1 - index
    return fromEnd < this.#inFlight
      ? until - Math.floor(((fromEnd + 0.2 + 0.6 * random.fraction()) * IN_FLIGHT) / this.#inFlight)
      : calendar.at(index - this.#old, size - this.#inFlight - this.#old, random)
  }
}

type Course = Pick<Task, 'failure' | 'stages' | 'done'>

/** The stages up to the state where the task is or out of which it ended. */
function courseOf(
  random: Random,
  task: { createdAt: number; status: Status; agents: readonly Agent[]; limit: number },
): Course {
  const { createdAt, status, agents, limit } = task
  const upTo = (time: number) => Math.min(Math.floor(time), limit)
  const after = (time: number, tail: LongTail) => upTo(time + tail.draw(random) * SECOND)
  const lastIn =
    status === 'CANCELLED'
      ? CANCELLED_IN.draw(random)
      : status === 'EXPIRED'
        ? EXPIRED_IN.draw(random)
        : status === 'COMPLETED' || status === 'FAILED'
          ? 'PROCESSING'
          : status
  const uploadFails = lastIn === 'UPLOAD_FAILED' || (lastIn === 'PROCESSING' && random.chance(0.07))

  const uploading = after(createdAt, UNTIL_UPLOAD)
  const uploaded = after(uploading, UPLOAD)
  const processing = after(uploaded, uploadFails ? TRY_AGAIN : QUEUE)
  const before: Stages = {
    ...(lastIn === 'CREATED' ? {} : { UPLOADING: uploading }),
    ...(lastIn === 'CREATED' || lastIn === 'UPLOADING'
      ? {}
      : uploadFails
        ? { UPLOAD_FAILED: uploaded }
        : { QUEUED: uploaded }),
    ...(lastIn === 'PROCESSING' ? { PROCESSING: processing } : {}),
  }
  const upload = UPLOAD_FAILURE.draw(random)
  if (status === 'EXPIRED') return expired(random, createdAt, before, lastIn, upload, limit)

  const done: number[] = []
  for (const _ of agents) done.push(after(done.at(-1) ?? processing, AGENT))
  const finished = status === 'COMPLETED' ? done : done.slice(0, random.below(agents.length))
  if (lastIn !== 'PROCESSING') {
    const failure = status === 'UPLOAD_FAILED' ? upload : undefined
    const entered = Math.max(createdAt, ...Object.values(before))
    const end = status === 'CANCELLED' ? { CANCELLED: after(entered, UPLOAD) } : {}
    return { failure, stages: { ...before, ...end }, done: [] }
  }
  const last = finished.at(-1) ?? processing
  if (status === 'FAILED') {
    const timesOut = random.chance(0.08) && processing + 7 * HOUR < limit
    const failed = timesOut ? processing + 6 * HOUR + random.below(10 * MINUTE) : after(last, AGENT)
    const failure = timesOut ? TIMED_OUT : TASK_FAILURE.draw(random)
    return { failure, stages: { ...before, FAILED: failed }, done: finished }
  }
  if (status === 'CANCELLED') {
    return { failure: undefined, stages: { ...before, CANCELLED: after(last, AGENT) }, done: finished }
  }
  const end = status === 'COMPLETED' ? { COMPLETED: upTo(last + random.below(3 * SECOND)) } : {}
  return { failure: undefined, stages: { ...before, ...end }, done: finished }
}

/** How long a task may stay in each state (decision 40), and the sweep that finds it comes every five minutes. */
function expired(
  random: Random,
  createdAt: number,
  before: Stages,
  lastIn: Status,
  upload: Failure,
  limit: number,
): Course {
  const entered = Math.max(createdAt, ...Object.values(before))
  const allowed = lastIn === 'CREATED' || lastIn === 'UPLOADING' ? 15 * MINUTE : DAY
  const end = entered + allowed + random.below(5 * MINUTE)
  // Too young to have waited that long: then it never began to upload.
  return end < limit
    ? { failure: lastIn === 'UPLOAD_FAILED' ? upload : undefined, stages: { ...before, EXPIRED: end }, done: [] }
    : { failure: undefined, stages: { EXPIRED: createdAt + 15 * MINUTE + random.below(5 * MINUTE) }, done: [] }
}

/** Nobody had the credits: the task fails as its agents would begin. */
export function withoutCredits(task: Task, failure: Failure): Task {
  const { UPLOADING, UPLOAD_FAILED, QUEUED, PROCESSING = task.createdAt } = task.stages
  const stages: Stages = {
    ...(UPLOADING === undefined ? {} : { UPLOADING }),
    ...(UPLOAD_FAILED === undefined ? {} : { UPLOAD_FAILED }),
    ...(QUEUED === undefined ? {} : { QUEUED }),
    PROCESSING,
    FAILED: PROCESSING + 200_000,
  }
  return { ...task, status: 'FAILED', failure, stages, done: [] }
}

/** Rows of `tasks`. */
export function* taskRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'task rows')
  const time = (micros: number | undefined) => (micros === undefined ? null : timestampText(micros))
  for (const task of tasks) {
    const random = source.at(task.index)
    const { agents, status, stages, createdAt, done } = task
    const cleaned = cleaningOf(random, task, world.parameters.until)
    const atWork = stages.PROCESSING !== undefined && status !== 'COMPLETED'
    const progress = status === 'COMPLETED' ? 100 : Math.floor((done.length * 100) / agents.length)
    const changed = [...Object.values(stages), ...done, ...Object.values(cleaned)]
    yield [
      task.id,
      task.user.id,
      task.tool,
      JSON.stringify(agents.map(({ id }) => id)),
      status,
      progress,
      atWork ? (agents[done.length]?.id ?? null) : null,
      task.failure?.code ?? null,
      task.failure?.message ?? null,
      timestampText(createdAt),
      time(stages.UPLOADING),
      time(stages.UPLOAD_FAILED),
      time(stages.QUEUED),
      time(stages.PROCESSING),
      time(stages.COMPLETED),
      time(stages.FAILED),
      time(stages.CANCELLED),
      time(stages.EXPIRED),
      timestampText(changed.reduce((latest, at) => Math.max(latest, at), createdAt)),
      time(cleaned.inputs),
      time(cleaned.outputs),
      time(cleaned.deleted),
    ]
  }
}

interface Cleaning {
  readonly inputs?: number
  readonly outputs?: number
  readonly deleted?: number
}

/** Files go in the night after their time has come (decision 39), but for a few that the store did not give up. */
function cleaningOf(random: Random, { stages, createdAt }: Task, until: number): Cleaning {
  const end = stages.COMPLETED ?? stages.FAILED ?? stages.CANCELLED ?? stages.EXPIRED
  if (end === undefined) return {}
  const nightAfter = (time: number) => (Math.floor(time / DAY) + 1) * DAY + 3 * HOUR + random.below(20 * MINUTE)
  const [inputs, outputs] = [nightAfter(end + 7 * DAY), nightAfter(end + 30 * DAY)]
  const [keepsInputs, keepsOutputs] = [random.chance(0.05), random.chance(0.05)]
  const gone = !keepsInputs && !keepsOutputs && outputs < until
  const deleted = nightAfter(Math.max(createdAt + 365 * DAY, outputs)) + HOUR
  return {
    ...(inputs < until && !keepsInputs ? { inputs } : {}),
    ...(outputs < until && !keepsOutputs ? { outputs } : {}),
    ...(gone && deleted < until ? { deleted } : {}),
  }
}
