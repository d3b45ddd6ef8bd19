/**
 * The orders of a task, in step with it (decision 52): a queued task has a pending order, one in progress a claimed order
 * with an active assignment and a running execution, and what is over is over everywhere.
 */
import { HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { Weighted } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import type { Task, TaskStatus } from './tasks.ts'
import { queueTime, type Try, type TryStatus, tries } from './tries.ts'
import { CANCELLED, EXPIRED, WITHDRAWN } from './words/failures.ts'
import type { WorkType } from './words/work.ts'
import type { Worker, World } from './world.ts'

export interface Order {
  readonly number: number
  readonly id: string
  readonly status: 'pending' | 'claimed' | 'completed' | 'failed' | 'expired'
  readonly error: string | null
  readonly retries: number
  readonly maxRetries: number
  readonly enqueuedAt: number
  readonly completedAt: number | undefined
  readonly expiresAt: number | undefined
  readonly tries: readonly Try[]
}

/** Tries that fail before one succeeds. */
const STUMBLES = new Weighted<number>([
  [0, 85],
  [1, 11],
  [2, 3],
])
/** Retries that an order may have at most. */
const LIMITS = new Weighted<number>([
  [3, 6],
  [1, 3],
  [0, 2],
])

export interface OrderFacts {
  readonly index: number
  readonly type: WorkType
  readonly status: TaskStatus
  readonly from: number
  readonly limit: number
  /** Who works on the task in progress. */
  readonly worker: Worker | undefined
  /** Place among the tasks in flight of its status. */
  readonly place: number
}

/** Orders of one task, oldest first. */
export function ordersOf(world: World, random: Random, facts: OrderFacts): Order[] {
  switch (facts.status) {
    case 'completed': {
      const stumbles = STUMBLES.draw(random)
      const outcomes: TryStatus[] = [...Array<TryStatus>(stumbles).fill('failed'), 'completed']
      return [ended(world, random, facts, 'completed', outcomes, 3)]
    }
    case 'failed': {
      const limit = LIMITS.draw(random)
      return [ended(world, random, facts, 'failed', Array<TryStatus>(limit + 1).fill('failed'), limit)]
    }
    case 'cancelled': {
      const how = random.below(10)
      if (how < 4) return []
      return [how < 7 ? lost(random, facts, WITHDRAWN) : ended(world, random, facts, 'failed', ['cancelled'], 3)]
    }
    case 'pending':
      // Nobody came for some of them in time; their tasks are pending again.
      return facts.place % 3 === 1 ? [lost(random, facts, EXPIRED)] : []
    case 'queued':
    case 'in_progress':
      return [open(world, random, facts)]
    case 'blocked':
      return []
  }
}

function ended(
  world: World,
  random: Random,
  facts: OrderFacts,
  status: 'completed' | 'failed',
  outcomes: readonly TryStatus[],
  maxRetries: number,
): Order {
  const made = tries(world, random, facts.type, outcomes, facts.from, facts.limit)
  const last = made.at(-1)
  const error =
    last?.status === 'cancelled' ? CANCELLED : (made.findLast((each) => each.error !== null)?.error ?? null)
  return {
    ...orderIn(facts),
    status,
    error,
    retries: outcomes.length - 1,
    maxRetries,
    completedAt: last?.endedAt,
    expiresAt: random.chance(0.15) ? facts.from + 48 * HOUR : undefined,
    tries: made,
  }
}

/** An order that nobody claimed. */
function lost(random: Random, facts: OrderFacts, error: string): Order {
  const wait = Math.min(queueTime(random) + 10 * MINUTE, facts.limit - facts.from - SECOND)
  const endedAt = facts.from + wait
  return {
    ...orderIn(facts),
    status: 'expired',
    error,
    retries: 0,
    maxRetries: 3,
    completedAt: endedAt,
    expiresAt: error === EXPIRED ? endedAt - Math.floor(wait / 10) : undefined,
    tries: [],
  }
}

/** Pending, or claimed; every fourth was tried before. */
function open(world: World, random: Random, facts: OrderFacts): Order {
  const { status, place, worker, from, limit } = facts
  const stumbles = place % 4 === 2 ? 1 : 0
  const half = from + Math.floor((limit - from) / 2)
  const before = stumbles === 0 ? [] : tries(world, random, facts.type, ['failed'], from, half)
  const startedAt = half + Math.floor((limit - half) * random.fraction() * 0.9)
  const running: Try[] =
    status === 'in_progress' && worker
      ? [{ worker, status: 'running', error: null, startedAt, endedAt: undefined }]
      : []
  return {
    ...orderIn(facts),
    status: status === 'in_progress' ? 'claimed' : 'pending',
    error: before.at(-1)?.error ?? null,
    retries: stumbles,
    maxRetries: 3,
    completedAt: undefined,
    // The time of some has passed, and nobody has said so yet.
    expiresAt: status === 'queued' && place % 5 === 3 ? limit - 10 * SECOND : undefined,
    tries: [...before, ...running],
  }
}

function orderIn({ index, from }: OrderFacts) {
  return { number: index, id: seedUuid(NUMBERS.orders, from, index), enqueuedAt: from }
}

/** Rows of `work_orders`. */
export function* orderRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const random = new Random(world.parameters.seed, 'orders')
  for (const task of tasks) {
    for (const order of task.orders) {
      random.at(order.number)
      const claimed = order.status === 'pending' ? undefined : order.tries.at(-1)?.startedAt
      const payload = { title: task.title, branch: task.branch, priority: task.priority }
      const result = { summary: `Done: ${task.title}`, pull_request: task.pullRequest }
      yield [
        order.id,
        task.id,
        task.queue,
        order.status,
        JSON.stringify(payload),
        order.status === 'completed' ? JSON.stringify(result) : null,
        order.error,
        order.retries,
        order.maxRetries,
        random.pick([1800, 3600, 3600]),
        timestampText(order.enqueuedAt),
        claimed === undefined ? null : timestampText(claimed),
        order.completedAt === undefined ? null : timestampText(order.completedAt),
        order.expiresAt === undefined ? null : timestampText(order.expiresAt),
        timestampText(order.enqueuedAt),
        timestampText(order.completedAt ?? claimed ?? order.tries.at(-1)?.endedAt ?? order.enqueuedAt),
      ]
    }
  }
}

const ASSIGNED: Readonly<Record<TryStatus, string>> = {
  running: 'active',
  completed: 'completed',
  failed: 'failed',
  timeout: 'timeout',
  cancelled: 'failed',
}

/** Rows of `worker_assignments`: one a try. */
export function* assignmentRows(tasks: readonly Task[]): Generator<SeedRow> {
  for (const { order, each, number } of everyTry(tasks)) {
    const ended = each.endedAt === undefined ? null : timestampText(each.endedAt)
    const began = timestampText(each.startedAt)
    yield [
      seedUuid(NUMBERS.assignments, each.startedAt, number),
      each.worker.id,
      order.id,
      ASSIGNED[each.status],
      began,
      ended,
      began,
      ended ?? began,
    ]
  }
}

/** Every try, with a number of its own. */
export function* everyTry(tasks: readonly Task[]) {
  for (const task of tasks) {
    for (const order of task.orders) {
      for (const [place, each] of order.tries.entries()) {
        yield { task, order, each, number: order.number * 8 + place }
      }
    }
  }
}
