/** What there are few of and everything else refers to: the users. Held in memory; the rest is made block by block. */
import { Calendar, DAY, HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedParameters, SeedRow } from '../../src/seeds/definition.ts'
import { type Weighted, zipf } from '../../src/seeds/distributions.ts'
import { Random } from '../../src/seeds/random.ts'
import { FIRST_USER } from './tables.ts'
import { AGENTS } from './words/agents.ts'
import { DOMAINS, PEOPLE } from './words/people.ts'

/** The busy period, in days; before it lie the tasks of more than a year ago. */
const DAYS = 120
const FEW_TASKS = 1_000
const DAYS_OF_FEW = 60
/** The end of the period belongs to the work in flight; whatever is finished was created before. */
export const IN_FLIGHT = 40 * MINUTE
/** The oldest user, in days before the end. */
export const OLDEST = 440
/** Users of before then may have tasks of more than a year ago. */
const OLD_USERS = 405

export interface User {
  readonly index: number
  readonly id: number
  readonly email: string
  readonly customer: string | null
  readonly isActive: boolean
  readonly isVerified: boolean
  /** Tries the welcome credits and never buys any. */
  readonly isThrifty: boolean
  readonly welcome: number
  readonly createdAt: number
  readonly row: SeedRow
}

export interface World {
  readonly parameters: SeedParameters
  /** When finished work of the busy period was created. */
  readonly calendar: Calendar
  readonly users: readonly User[]
  /** Those who have tasks, by their share of them. */
  readonly byShare: Weighted<User>
  readonly oldByShare: Weighted<User>
  /** Who may have work in flight. */
  readonly busy: readonly User[]
}

export function userCount(tasks: number): number {
  return Math.max(16, Math.ceil(tasks / 10))
}

export function makeWorld(parameters: SeedParameters): World {
  const days = parameters.size <= FEW_TASKS ? DAYS_OF_FEW : DAYS
  const calendar = new Calendar(parameters.until - IN_FLIGHT, days)
  const count = userCount(parameters.size)
  const random = new Random(parameters.seed, 'users')
  const users = Array.from({ length: count }, (_, index) =>
    makeUser(parameters, calendar, index, count, random.at(index)),
  )
  const verified = users.filter(({ isVerified }) => isVerified)
  return {
    parameters,
    calendar,
    users,
    byShare: zipf(verified),
    oldByShare: zipf(verified.filter(({ createdAt }) => createdAt < parameters.until - OLD_USERS * DAY)),
    busy: verified.filter(({ isActive, isThrifty }) => isActive && !isThrifty),
  }
}

/** Nobody can log in with it: the form of a bcrypt hash, and no password behind it. */
const hashOf = (random: Random) => `$2b$12$${random.hex(53)}`

function makeUser({ until }: SeedParameters, calendar: Calendar, index: number, count: number, random: Random): User {
  const old = Math.ceil(count / 3)
  const [from, to, place, of] =
    index < old
      ? [until - OLDEST * DAY, until - OLD_USERS * DAY, index, old]
      : [until - (OLD_USERS - 5) * DAY, calendar.from - DAY, index - old, count - old]
  // The last two registered just now and have not entered their code yet.
  const isNew = index >= count - 2
  const createdAt = isNew
    ? until - (count - index) * 3 * MINUTE - random.below(MINUTE)
    : Math.floor(from + ((place + random.fraction()) / of) * (to - from))
  const [name, mailbox] = PEOPLE[index % PEOPLE.length] ?? ['Somebody', 'somebody']
  const domain = DOMAINS[index % DOMAINS.length] ?? 'mail.example'
  const round = Math.floor(index / PEOPLE.length)
  const email = `${mailbox}${round === 0 ? '' : `.${round + 1}`}@${domain}`
  const isVerified = !isNew && index % 14 !== 13
  const isThrifty = index >= 5 && index % 5 === 3
  const isActive = isNew || index % 9 !== 7
  const customer = isVerified && !isThrifty ? `cus_seed_${String(index).padStart(8, '0')}` : null
  // One in a few asked for a new password and has not used the code, which ended long ago.
  const otp = isNew || !isVerified ? 'registration' : random.chance(0.06) ? 'password_reset' : null
  const otpAt = otp === 'password_reset' ? createdAt + random.between(2, 20) * DAY : createdAt
  const updatedAt = isActive ? Math.max(createdAt, otp === null ? 0 : otpAt) : createdAt + 25 * DAY
  return {
    index,
    id: FIRST_USER + index,
    email,
    customer,
    isActive,
    isVerified,
    isThrifty,
    welcome: index < count / 2 ? 200 : 150,
    createdAt,
    row: [
      FIRST_USER + index,
      email,
      hashOf(random),
      name,
      customer,
      isActive,
      isVerified,
      otp === null ? null : String(random.below(1_000_000)).padStart(6, '0'),
      otp === null ? null : timestampText(otpAt + 10 * MINUTE),
      otp,
      timestampText(createdAt),
      timestampText(Math.min(updatedAt, until - SECOND)),
    ],
  }
}

/** Rows of `agent_costs`; prices are older than everybody. */
export function agentRows({ until }: SeedParameters): SeedRow[] {
  const createdAt = timestampText(until - (OLDEST + 1) * DAY)
  const retiredAt = timestampText(until - 200 * DAY - 5 * HOUR)
  return AGENTS.map(({ id, tool, cost, isActive }) => [
    id,
    tool,
    cost,
    isActive,
    createdAt,
    isActive ? createdAt : retiredAt,
  ])
}
