/** Integration events: a long history that was dealt with, and a queue at its end. */
import { HOUR, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import { EVENT_FAILURES } from './words/failures.ts'
import { BRANCHES, PEOPLE } from './words/places.ts'
import type { Integration, World } from './world.ts'

type EventStatus = 'pending' | 'processing' | 'completed' | 'failed' | 'ignored'

const OUTCOMES = new Weighted<EventStatus>([
  ['completed', 84],
  ['ignored', 9],
  ['failed', 5],
])
const FIRST: readonly EventStatus[] = ['completed', 'failed', 'ignored']
const FAILURE = zipf(EVENT_FAILURES)
/** Seconds that an event waits until a worker takes it, and that the worker needs. */
const WAIT = new LongTail(2, 1)
const WORK = new LongTail(0.6, 0.8)

/** Events that wait or are in hand at the end of the period. */
function queueLength(events: number): number {
  return Math.min(Math.floor(events / 4), 400)
}

/** Rows of `integration_events`, one for each execution. */
export function* eventRows(world: World, from: number, to: number): Generator<SeedRow> {
  const { parameters, calendar, reporting, enabled } = world
  const source = new Random(parameters.seed, 'events')
  const queue = queueLength(parameters.size)
  for (let index = from; index < to; index++) {
    const random = source.at(index)
    const fromEnd = parameters.size - 1 - index
    const recent = fromEnd < queue
    // The last hour's events come closer together towards its end; one in hand for long was lost with its worker.
    const createdAt = recent
      ? parameters.until - 2 * SECOND - Math.floor(((fromEnd + random.fraction()) / queue) * HOUR)
      : calendar.at(index, parameters.size - queue, random)
    const integration = recent ? enabled[fromEnd % enabled.length] : reporting.draw(random)
    if (integration === undefined) throw new RangeError('no integration is enabled')
    const status = recent ? (fromEnd % 5 === 4 ? 'processing' : 'pending') : (FIRST[index] ?? OUTCOMES.draw(random))
    yield eventRow(integration, { index, status, createdAt, until: parameters.until }, random)
  }
}

function eventRow(
  integration: Integration,
  event: { readonly index: number; readonly status: EventStatus; readonly createdAt: number; readonly until: number },
  random: Random,
): SeedRow {
  const { index, status, createdAt, until } = event
  const ended = status === 'completed' || status === 'failed' || status === 'ignored'
  const taken = status === 'processing' || status === 'completed' || status === 'failed'
  const retries = status === 'failed' ? random.pick([0, 1, 3]) : random.chance(0.03) ? 1 : 0
  const wait = Math.floor((WAIT.draw(random) + retries * 300) * SECOND)
  const claimedAt = Math.min(createdAt + wait, until - 1.5 * SECOND)
  const processedAt = Math.min(claimedAt + Math.floor(WORK.draw(random) * SECOND), until - SECOND)
  const type = integration.events.draw(random)
  return [
    seedUuid(NUMBERS.events, createdAt, index),
    integration.id,
    type,
    random.chance(0.97) ? `${type.split('.')[0]}-${100_000 + index}` : null,
    JSON.stringify({
      repository: integration.repository,
      branch: random.pick(BRANCHES),
      commit_sha: random.hex(12),
      pull_request_number: 1 + random.below(4000),
      author: random.pick(PEOPLE),
    }),
    status,
    taken ? timestampText(claimedAt) : null,
    ended ? timestampText(processedAt) : null,
    status === 'failed' ? FAILURE.draw(random) : null,
    retries,
    timestampText(createdAt),
  ]
}
