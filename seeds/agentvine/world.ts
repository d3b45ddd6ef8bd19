/** What there are few of and everything else refers to: users, and the fleet with its capabilities. Held in memory. */
import { Calendar, DAY, HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedParameters, SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { DAYS, NUMBERS } from './tables.ts'
import { PEOPLE, WORKER_NAMES } from './words/people.ts'
import { WORK, WORK_TYPES, type WorkType } from './words/work.ts'

/** Few tasks are spread over six weeks only, so that every week of a demo has something to show. */
const FEW_TASKS = 1_000
const DAYS_OF_FEW = 45
/** The end of the period belongs to the work in flight; whatever is finished was created before. */
export const IN_FLIGHT = 6 * HOUR

export interface User {
  readonly id: string
  readonly createdAt: number
  /** No longer there at the end of the simulated time. */
  readonly isGone: boolean
  readonly row: SeedRow
}

export interface Worker {
  readonly id: string
  readonly name: string
  readonly type: WorkType
  readonly status: 'idle' | 'busy' | 'offline' | 'error'
  readonly row: SeedRow
  readonly capabilityRows: readonly SeedRow[]
}

export interface World {
  readonly parameters: SeedParameters
  /** When finished tasks were created. */
  readonly calendar: Calendar
  readonly users: readonly User[]
  /** The busy ones first, one after the other for the tasks in progress. */
  readonly workers: readonly Worker[]
  readonly byType: ReadonlyMap<WorkType, readonly Worker[]>
}

/** How many of the newest tasks are not finished yet. */
export function inFlight(tasks: number): number {
  return Math.min(Math.floor(tasks / 3), Math.max(40, Math.round(tasks * 0.06)), 160)
}

/** Of those in flight, how many are in progress: a quarter. */
export function inProgress(tasks: number): number {
  return Math.ceil(inFlight(tasks) / 4)
}

/** Every task in progress has a worker of its own, but for the last two, which share the first one's. */
function busyCount(tasks: number): number {
  return Math.max(1, inProgress(tasks) - 2)
}

export function workerCount(tasks: number): number {
  if (tasks <= 1000) return Math.max(12, busyCount(tasks) + 8)
  return tasks <= 10_000 ? 52 : tasks <= 100_000 ? 60 : 150
}

export function userCount(tasks: number): number {
  return tasks <= 10_000 ? PEOPLE.length : PEOPLE.length * 5
}

/** The worker of the n-th task in progress. */
export function workerInProgress(world: World, number: number): Worker {
  const busy = busyCount(world.parameters.size)
  const worker = world.workers[number < busy ? number : 0]
  if (worker === undefined) throw new RangeError('no worker for a task in progress')
  return worker
}

export function makeWorld(parameters: SeedParameters): World {
  const calendar = new Calendar(parameters.until - IN_FLIGHT, parameters.size <= FEW_TASKS ? DAYS_OF_FEW : DAYS)
  const users = Array.from({ length: userCount(parameters.size) }, (_, index) =>
    makeUser(parameters, calendar, index),
  )
  const count = workerCount(parameters.size)
  const workers = Array.from({ length: count }, (_, index) => makeWorker(parameters, calendar, index, count))
  const byType = new Map(WORK_TYPES.map((type) => [type, workers.filter((worker) => worker.type === type)]))
  return { parameters, calendar, users, workers, byType }
}

const BCRYPT = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function makeUser(parameters: SeedParameters, calendar: Calendar, index: number): User {
  const random = new Random(parameters.seed, 'users').at(index)
  const [name, handle, role] = PEOPLE[index % PEOPLE.length] ?? PEOPLE[0]
  const username = index < PEOPLE.length ? handle : `${handle}.${Math.floor(index / PEOPLE.length) + 1}`
  const createdAt = calendar.from - random.between(20, 300) * DAY
  // One has left, another may not log in for now.
  const isGone = index % PEOPLE.length === 8
  const deletedAt = isGone ? calendar.from - random.between(1, 10) * DAY : null
  const seen = deletedAt ?? parameters.until - random.between(10 * MINUTE, 9 * DAY)
  const isService = handle.startsWith('svc-')
  // A hash of no password: nobody logs in as a seeded user.
  const hash = `$2b$12$${Array.from({ length: 53 }, () => BCRYPT[random.below(64)]).join('')}`
  const id = seedUuid(NUMBERS.users, createdAt, index)
  return {
    id,
    createdAt,
    isGone,
    row: [
      id,
      username,
      `${username}@example.com`,
      hash,
      isService ? null : name,
      role,
      index % PEOPLE.length !== 5,
      random.chance(0.9),
      isService ? '{"service": true}' : JSON.stringify({ theme: random.pick(['dark', 'light']) }),
      timestampText(createdAt),
      timestampText(deletedAt ?? (isService ? createdAt : seen)),
      isService ? null : timestampText(seen),
      deletedAt === null ? null : timestampText(deletedAt),
    ],
  }
}

const LEVELS = ['beginner', 'intermediate', 'advanced', 'advanced', 'expert'] as const
const VERSIONS = ['1.4.2', '1.4.2', '1.4.1', '1.3.9', '2.0.0-rc.1'] as const

function makeWorker(parameters: SeedParameters, calendar: Calendar, index: number, count: number): Worker {
  const random = new Random(parameters.seed, 'workers').at(index)
  const { until, size } = parameters
  const busy = busyCount(size)
  const type = WORK_TYPES[index % WORK_TYPES.length] ?? 'feature'
  const createdAt = calendar.from - random.between(2, 90) * DAY
  const status =
    index < busy ? 'busy' : index === count - 1 ? 'error' : index >= count - 4 ? 'offline' : ('idle' as const)
  // The last of the offline ones has registered and was never heard of.
  const heartbeat =
    index === count - 2
      ? null
      : status === 'offline'
        ? until - random.between(1, 200) * HOUR
        : until - random.between(1, 50) * SECOND
  const draining = index === 1 || (status === 'idle' && index === count - 5)
  const drainingAt = draining ? until - random.between(5, 40) * MINUTE : null
  const name = `${WORKER_NAMES[index % WORKER_NAMES.length]}-${String(index + 1).padStart(2, '0')}`
  const id = seedUuid(NUMBERS.workers, createdAt, index)
  return {
    id,
    name,
    type,
    status,
    row: [
      id,
      name,
      type,
      status,
      heartbeat === null ? null : random.pick(VERSIONS),
      index === 0 ? 3 : random.pick([1, 1, 1, 2]),
      random.pick([1800, 3600, 3600, 7200]),
      random.pick([200_000, 200_000, 1_000_000]),
      JSON.stringify({ region: random.pick(['eu-central', 'us-east']), sandbox: random.chance(0.8) }),
      heartbeat === null ? null : timestampText(heartbeat),
      drainingAt === null ? null : timestampText(drainingAt),
      timestampText(createdAt),
      timestampText(Math.max(createdAt, heartbeat ?? 0, drainingAt ?? 0)),
    ],
    capabilityRows: capabilityRows(id, type, index, createdAt, random),
  }
}

/** What the work of its type takes, most of it, and something besides. */
function capabilityRows(
  workerId: string,
  type: WorkType,
  index: number,
  createdAt: number,
  random: Random,
): SeedRow[] {
  const own = WORK[type].capabilities.filter((_, place) => place < 2 || random.chance(0.6))
  const other = random.pick(WORK[random.pick(WORK_TYPES)].capabilities)
  return [...new Set([...own, other])].map((name, number) => [
    seedUuid(NUMBERS.capabilities, createdAt, index * 16 + number),
    workerId,
    name,
    number < 2 ? random.pick(LEVELS.slice(2)) : random.pick(LEVELS),
    '{}',
    timestampText(createdAt),
    timestampText(createdAt),
  ])
}
