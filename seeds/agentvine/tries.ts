/** The tries at an order: who had it, for how long, and what came of it. */
import { MINUTE, SECOND } from '../../src/seeds/calendar.ts'
import { LongTail, zipf } from '../../src/seeds/distributions.ts'
import type { Random } from '../../src/seeds/random.ts'
import { FAILURES, TIMED_OUT } from './words/failures.ts'
import { WORK, type WorkType } from './words/work.ts'
import type { Worker, World } from './world.ts'

export type TryStatus = 'running' | 'completed' | 'failed' | 'timeout' | 'cancelled'

export interface Try {
  readonly worker: Worker
  readonly status: TryStatus
  readonly error: string | null
  readonly startedAt: number
  /** Undefined while it runs. */
  readonly endedAt: number | undefined
}

const FAILURE = zipf(FAILURES)
/** Seconds in the queue. */
const QUEUE = new LongTail(150, 1.1)
/** How much longer a try takes than its kind does at the median. */
const PACE = new LongTail(1, 0.6)

/** Time in the queue, microseconds. */
export function queueTime(random: Random): number {
  return Math.ceil(QUEUE.draw(random) * SECOND)
}

/** Mostly a worker for work of this type. */
export function workerFor(world: World, type: WorkType, random: Random): Worker {
  const own = world.byType.get(type) ?? []
  return random.pick(own.length > 0 && random.chance(0.85) ? own : world.workers)
}

/**
 * Tries one after the other, with time in the queue before each, between two times.
 *
 * @param outcomes of each, in order; `timeout` and `failed` are told apart here where it says `failed`
 * @param limit the last one ends before it
 */
export function tries(
  world: World,
  random: Random,
  type: WorkType,
  outcomes: readonly TryStatus[],
  from: number,
  limit: number,
): Try[] {
  const lengths = outcomes.map(() => ({
    wait: queueTime(random),
    run: Math.ceil(WORK[type].minutes * MINUTE * PACE.draw(random)),
  }))
  const total = lengths.reduce((sum, { wait, run }) => sum + wait + run, 0)
  // Longer courses are shortened as a whole.
  const scale = Math.min(1, (limit - from - SECOND) / total)
  let at = from
  return outcomes.map((outcome, index) => {
    const { wait = 0, run = 0 } = lengths[index] ?? {}
    const status = outcome === 'failed' && random.chance(0.22) ? 'timeout' : outcome
    const startedAt = at + Math.floor(wait * scale)
    const endedAt = startedAt + Math.floor(run * scale)
    at = endedAt
    return {
      worker: workerFor(world, type, random),
      status,
      error: status === 'failed' ? FAILURE.draw(random) : status === 'timeout' ? TIMED_OUT : null,
      startedAt,
      endedAt,
    }
  })
}
