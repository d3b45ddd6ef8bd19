/**
 * What tasks cost and how it was paid. Every balance is the sum of its entries and never below zero at any time, so
 * what a task costs depends on what its user spent before: the tasks are walked in their order, with one balance for
 * each user in hand. A walk can begin anew at the first task, so any block of them can be made again.
 */
import { DAY, HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { Weighted } from '../../src/seeds/distributions.ts'
import { seedUlid, seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { type Task, TaskMaker, withoutCredits } from './tasks.ts'
import { GRANT_REASONS, NO_CREDITS } from './words/errors.ts'
import type { User, World } from './world.ts'

export interface Entry {
  readonly user: User
  readonly at: number
  readonly credits: number
  readonly type: 'PURCHASE' | 'CONSUME' | 'REFUND' | 'ADJUSTMENT' | 'GRANT'
  readonly reason?: string
  readonly agent?: string
  readonly tool?: string
  readonly analysis?: string
  /** Number of the purchase at Stripe, or of the charge that was refunded. */
  readonly purchase?: number
  readonly charge?: number
}

/** A task with what was booked around it. */
export interface Booked {
  readonly task: Task
  readonly entries: readonly Entry[]
}

/** Entries of one task at most; they number themselves within. */
const MOST = 32

/** Credits of the packs on offer. */
const PACKS = [500, 1000, 2500, 5000] as const
const PACK = new Weighted<number>([
  [500, 5],
  [1000, 6],
  [2500, 3],
  [5000, 1],
])

export const sessionId = (purchase: number) => `cs_seed_${String(purchase).padStart(12, '0')}`
export const intentId = (purchase: number) => `pi_seed_${String(purchase).padStart(12, '0')}`
export const chargeId = (charge: number) => `ch_seed_${String(charge).padStart(12, '0')}`

/** Welcome credits, a moment after the user. Entries of tasks number themselves above these. */
export function welcomeRows({ users }: World): SeedRow[] {
  return users
    .filter(({ isVerified }) => isVerified)
    .map((user) =>
      entryRow(user.index, {
        user,
        at: user.createdAt + 90 * SECOND,
        credits: user.welcome,
        type: 'GRANT',
        reason: 'Welcome credits',
      }),
    )
}

/** Walks the tasks in order. One walk must not be shared by loops that run at the same time. */
export class Walk {
  readonly #world: World
  readonly #tasks: TaskMaker
  readonly #random: Random
  #next = 0
  /** What the entries so far sum up to. */
  #balances: number[] = []
  /** What can be spent: without credits that may come later than the next task. */
  #spendable: number[] = []
  /** Time of the last entry. */
  #changed: number[] = []

  constructor(world: World) {
    this.#world = world
    this.#tasks = new TaskMaker(world)
    this.#random = new Random(world.parameters.seed, 'ledger')
    this.#restart()
  }

  /** The tasks from one number to another, not included, with their entries. */
  block(from: number, to: number): Booked[] {
    if (from < this.#next) this.#restart()
    while (this.#next < from) this.#step()
    const booked: Booked[] = []
    while (this.#next < to) booked.push(this.#step())
    return booked
  }

  /** Rows of `credit_wallets`, as they stand after the last task. */
  wallets(): SeedRow[] {
    while (this.#next < this.#world.parameters.size) this.#step()
    return this.#world.users.map(({ index, id, createdAt }) => [
      id,
      this.#balances[index] ?? 0,
      timestampText(createdAt),
      timestampText(this.#changed[index] ?? createdAt),
    ])
  }

  #restart(): void {
    const { users } = this.#world
    const welcome = users.map((user) => (user.isVerified ? user.welcome : 0))
    this.#next = 0
    this.#balances = [...welcome]
    this.#spendable = [...welcome]
    this.#changed = users.map(({ createdAt, isVerified }) => createdAt + (isVerified ? 90 * SECOND : 0))
  }

  #step(): Booked {
    const index = this.#next++
    const made = this.#tasks.make(index)
    const random = this.#random.at(index)
    const { user } = made
    const later = this.#laterEntries(random, made)
    const stray = this.#stray(random, made)
    const cost = [...consumed(made), ...stray].reduce((sum, { credits }) => sum - credits, 0)
    const needed = cost - (this.#spendable[user.index] ?? 0)
    const cannotPay = needed > 0 && user.isThrifty
    const task = cannotPay && made.stages.PROCESSING !== undefined ? withoutCredits(made, NO_CREDITS) : made
    const spent = cannotPay ? [] : [...consumed(made), ...stray]
    const bought = needed > 0 && !user.isThrifty ? this.#purchases(random, made, needed) : []
    const entries = [...bought, ...spent, ...(cannotPay ? [] : refunds(task)), ...later]
    for (const { credits, at, type, charge } of entries) {
      this.#balances[user.index] = (this.#balances[user.index] ?? 0) + credits
      this.#changed[user.index] = Math.max(this.#changed[user.index] ?? 0, at)
      // A purchase by mistake is not for spending, since it is taken back.
      const counts = type === 'CONSUME' || (type === 'PURCHASE' && charge === undefined)
      if (counts) this.#spendable[user.index] = (this.#spendable[user.index] ?? 0) + credits
    }
    return { task, entries }
  }

  /** The pack that is large enough, minutes before the task; now and then twice, and one of the two is taken back. */
  #purchases(random: Random, { index, user, createdAt }: Task, needed: number): Entry[] {
    const enough = PACKS.find((pack) => pack >= needed) ?? PACKS[3] * Math.ceil(needed / PACKS[3])
    const credits = Math.max(enough, PACK.draw(random))
    const at = createdAt - random.between(20 * SECOND, 6 * MINUTE)
    const bought: Entry = { user, at, credits, type: 'PURCHASE', purchase: index * 2 }
    const takenBackAt = at + random.between(HOUR, DAY)
    if (!random.chance(0.03) || takenBackAt >= this.#world.parameters.until) return [bought]
    const number = index * 2 + 1
    return [
      bought,
      { ...bought, at: at + 30 * SECOND, purchase: number, charge: number },
      {
        user,
        at: takenBackAt,
        credits: -credits,
        type: 'ADJUSTMENT',
        reason: 'The charge was refunded: bought twice',
        charge: number,
      },
    ]
  }

  /** Credits that were taken for an analysis from before there were tasks, or whose task is gone (decision 42). */
  #stray(random: Random, { index, user, tool, agents, createdAt }: Task): Entry[] {
    const agent = agents[0]
    if (agent === undefined || !(index % 90 === 7 || random.chance(0.004)) || user.isThrifty) return []
    const analysis = seedUuid(2, createdAt - DAY, index)
    return [{ user, at: createdAt, credits: -agent.cost, type: 'CONSUME', agent: agent.id, tool, analysis }]
  }

  /** What has nothing to do with the task but falls on its day. */
  #laterEntries(random: Random, { index, user, createdAt }: Task): Entry[] {
    const at = createdAt + random.between(MINUTE, 20 * MINUTE)
    if (at >= this.#world.parameters.until) return []
    if (index % 120 === 11 || random.chance(0.006)) {
      return [{ user, at, credits: random.pick([50, 100, 250]), type: 'GRANT', reason: random.pick(GRANT_REASONS) }]
    }
    if (index % 150 === 13) {
      return [{ user, at, credits: 5, type: 'ADJUSTMENT', reason: 'Rounding of an invoice, put right by hand' }]
    }
    return []
  }
}

/** Each agent is paid as it is done. */
function consumed(task: Task): Entry[] {
  return task.done.flatMap((at, place): Entry[] => {
    const agent = task.agents[place]
    if (agent === undefined) return []
    const { user, tool, id: analysis } = task
    return [{ user, at, credits: -agent.cost, type: 'CONSUME', agent: agent.id, tool, analysis }]
  })
}

/** A task that failed for the platform's own reasons costs nothing. */
function refunds(task: Task): Entry[] {
  const at = task.stages.FAILED
  const ownFault = task.failure?.code !== 'INVALID_PARAMETERS' && task.failure?.code !== 'FILE_PARSE_ERROR'
  if (at === undefined || !ownFault) return []
  return consumed(task).map((entry) => ({
    ...entry,
    at: at + SECOND / 2,
    credits: -entry.credits,
    type: 'REFUND',
    reason: `The task failed: ${task.failure?.code ?? 'unknown'}`,
  }))
}

/** Rows of `credit_transactions` of the tasks of a block. */
export function* transactionRows(world: World, booked: readonly Booked[]): Generator<SeedRow> {
  for (const { task, entries } of booked) {
    const first = world.users.length + task.index * MOST
    for (const [place, entry] of entries.entries()) yield entryRow(first + place, entry)
  }
}

function entryRow(number: number, entry: Entry): SeedRow {
  const { purchase, charge } = entry
  const bought = entry.type === 'PURCHASE' && purchase !== undefined
  const takenBack = entry.type === 'ADJUSTMENT' && charge !== undefined
  return [
    seedUlid(entry.at, number),
    entry.user.id,
    entry.credits,
    entry.type,
    entry.reason ?? null,
    entry.agent ?? null,
    entry.tool ?? null,
    entry.analysis ?? null,
    bought ? sessionId(purchase) : null,
    bought ? intentId(purchase) : null,
    takenBack ? chargeId(charge) : null,
    timestampText(entry.at),
  ]
}
