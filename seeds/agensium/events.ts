/**
 * Events of Stripe: one for each purchase and each refunded charge in the ledger, a few that failed and can be replayed
 * or cannot, and such as the platform has no use for.
 */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { Random } from '../../src/seeds/random.ts'
import { type Booked, chargeId, type Entry, intentId, sessionId } from './ledger.ts'
import { EVENT_PREFIX } from './tables.ts'
import { inFlight } from './tasks.ts'
import { LOST_CONNECTION, NO_USER } from './words/errors.ts'
import type { User, World } from './world.ts'

/** Events of one task at most, besides those of its entries, which are numbered by purchase. */
const KINDS = 8

/** Rows of `stripe_webhook_events`. */
export function* eventRows(world: World, booked: readonly Booked[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'events')
  for (const { task, entries } of booked) {
    const random = source.at(task.index)
    for (const entry of entries) {
      const processedAt = entry.at
      const receivedAt = processedAt - random.between(100_000, 3 * SECOND)
      if (entry.type === 'PURCHASE' && entry.purchase !== undefined) {
        const kind = entry.purchase % 2
        yield row(
          task.index * KINDS + kind,
          checkout(entry.user, entry.purchase, entry.credits),
          receivedAt,
          processedAt,
        )
      } else if (entry.charge !== undefined && entry.type === 'ADJUSTMENT') {
        yield row(task.index * KINDS + 2, refunded(entry, entry.charge), receivedAt, processedAt)
      }
    }
    yield* others(random, world, task.index, task.user, task.createdAt)
  }
}

function* others(
  random: Random,
  { parameters }: World,
  index: number,
  user: User,
  createdAt: number,
): Generator<SeedRow> {
  const at = createdAt - random.between(MINUTE, 3 * MINUTE)
  const draw = random.fraction()
  // No purchase has this number, so replaying the event books one.
  const purchase = 1_000_000_000 + index
  const fromEnd = parameters.size - 1 - index
  if (fromEnd === inFlight(parameters.size) - 1) {
    yield row(index * KINDS + 3, checkout(user, purchase, 500), at, undefined)
  } else if (index % 1000 === 117 || index % 1000 === 217 || draw < 0.0008) {
    yield row(index * KINDS + 4, checkout(user, purchase, 1000), at, undefined, LOST_CONNECTION)
  } else if (index % 1000 === 123 || draw < 0.0014) {
    yield row(index * KINDS + 5, checkout(undefined, purchase, 1000), at, undefined, NO_USER)
  } else if (draw < 0.024) {
    yield row(index * KINDS + 6, declined(user, index), at, at + SECOND)
  }
}

interface Payload {
  readonly type: string
  readonly object: Readonly<Record<string, unknown>>
}

/** Cents for a number of credits. */
const price = (credits: number) => credits * 2

/** Stripe's metadata hold texts only. */
const metadata = (user: User | undefined, credits: number) => ({
  ...(user === undefined ? {} : { user_id: String(user.id) }),
  credits: String(credits),
})

function checkout(user: User | undefined, purchase: number, credits: number): Payload {
  return {
    type: 'checkout.session.completed',
    object: {
      id: sessionId(purchase),
      object: 'checkout.session',
      mode: 'payment',
      payment_status: 'paid',
      payment_intent: intentId(purchase),
      amount_total: price(credits),
      currency: 'usd',
      customer: user?.customer ?? null,
      metadata: metadata(user, credits),
    },
  }
}

function refunded({ user, credits }: Entry, charge: number): Payload {
  return {
    type: 'charge.refunded',
    object: {
      id: chargeId(charge),
      object: 'charge',
      refunded: true,
      amount: price(-credits),
      amount_refunded: price(-credits),
      currency: 'usd',
      payment_intent: intentId(charge),
      customer: user.customer,
      metadata: metadata(user, -credits),
    },
  }
}

function declined(user: User, index: number): Payload {
  return {
    type: 'payment_intent.payment_failed',
    object: {
      id: `pi_seed_declined_${index}`,
      object: 'payment_intent',
      last_payment_error: { code: 'card_declined', decline_code: 'insufficient_funds' },
      customer: user.customer,
      metadata: metadata(user, 500),
    },
  }
}

function row(number: number, event: Payload, receivedAt: number, processedAt?: number, error?: string): SeedRow {
  const id = `${EVENT_PREFIX}${String(number).padStart(12, '0')}`
  const payload = {
    id,
    object: 'event',
    api_version: '2025-03-31.basil',
    created: Math.floor(receivedAt / SECOND),
    livemode: false,
    type: event.type,
    data: { object: event.object },
  }
  return [
    id,
    event.type,
    JSON.stringify(payload),
    processedAt === undefined ? null : timestampText(processedAt),
    error ?? null,
    timestampText(receivedAt),
    timestampText(processedAt ?? receivedAt),
  ]
}
