/**
 * What there are few of and everything else refers to: organizations with their users, API keys and workflows. Held
 * in memory; the rest is made block by block from it.
 */
import { createHash } from 'node:crypto'
import { Calendar, DAY, HOUR, MINUTE, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedParameters, SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { DIVISIONS, ORGANIZATIONS, PEOPLE } from './words/people.ts'
import { WORKFLOWS, type WorkflowWords } from './words/workflows.ts'

/** The longest simulated time, in days. */
export const DAYS = 90
/** Few tasks are spread over a month only, so that every week of a demo has something to show. */
const FEW_TASKS = 1_000
const DAYS_OF_FEW = 30
/** The end of the period belongs to the work in flight; whatever is finished was created before. */
export const IN_FLIGHT = HOUR

export interface Organization {
  readonly id: string
  readonly name: string
  readonly domain: string | null
  readonly webhook: string | null
  readonly maxSteps: number
  readonly maxRetries: number
  readonly isActive: boolean
  readonly settings: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly users: readonly User[]
  readonly workflows: readonly Workflow[]
}

export interface User {
  readonly id: string
  readonly email: string
  readonly row: SeedRow
}

/** The versions of one workflow, oldest first. */
export interface Workflow {
  readonly words: WorkflowWords
  readonly isActive: boolean
  readonly versions: readonly { readonly id: string; readonly createdAt: number; readonly row: SeedRow }[]
}

export interface World {
  readonly parameters: SeedParameters
  /** When finished work was created. */
  readonly calendar: Calendar
  /** The largest first. */
  readonly organizations: readonly Organization[]
  readonly active: readonly Organization[]
  /** Organizations by share of the work. */
  readonly byShare: Weighted<Organization>
  readonly apiKeys: readonly SeedRow[]
}

/** How many organizations there are for this many tasks. */
export function organizationCount(tasks: number): number {
  if (tasks <= 1000) return 8
  if (tasks <= 10_000) return 24
  return tasks <= 100_000 ? 60 : 175
}

export function makeWorld(parameters: SeedParameters): World {
  const calendar = new Calendar(parameters.until - IN_FLIGHT, parameters.size <= FEW_TASKS ? DAYS_OF_FEW : DAYS)
  const count = organizationCount(parameters.size)
  const organizations = Array.from({ length: count }, (_, index) =>
    makeOrganization(parameters, calendar, index, count),
  )
  const active = organizations.filter((organization) => organization.isActive)
  const random = new Random(parameters.seed, 'api keys')
  return {
    parameters,
    calendar,
    organizations,
    active,
    byShare: zipf(organizations),
    apiKeys: organizations.flatMap((organization, index) => apiKeyRows(organization, index, parameters, random)),
  }
}

const TIME_ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'UTC', 'America/Sao_Paulo']

function makeOrganization(
  parameters: SeedParameters,
  calendar: Calendar,
  index: number,
  count: number,
): Organization {
  const random = new Random(parameters.seed, 'organizations').at(index)
  const [base, domain] = ORGANIZATIONS[index % ORGANIZATIONS.length] ?? ['Organization', null]
  const division = index < ORGANIZATIONS.length ? undefined : DIVISIONS[Math.floor(index / ORGANIZATIONS.length) - 1]
  // Older ones first, so that ids and sizes agree.
  const createdAt = calendar.from - Math.floor(((count - index) / count) * 600 * DAY) - random.between(20, 24) * DAY
  const id = seedId('o', createdAt, index)
  // One in eight has left: its history stays, and nothing new is done for it.
  const isActive = index % 8 !== 7
  const settings = {
    max_concurrent_tasks: index < count / 4 ? 100 : random.pick([10, 20, 25]),
    time_zone: random.pick(TIME_ZONES),
    ...(random.chance(0.4)
      ? { notify: { on_failure: true, channel: random.pick(['#ops', '#bots 🤖', '#运维']) } }
      : {}),
  }
  const updatedAt = createdAt + random.below(10) * DAY
  const users = makeUsers(parameters, id, index, domain, createdAt)
  return {
    id,
    name: division === undefined ? base : `${base} ${division}`,
    domain,
    webhook: domain !== null && random.chance(0.5) ? `https://hooks.${domain}/skyvern` : null,
    maxSteps: random.pick([10, 10, 15, 25]),
    maxRetries: random.pick([3, 3, 3, 2, 5]),
    isActive,
    settings: JSON.stringify(settings),
    createdAt,
    updatedAt,
    users,
    workflows: makeWorkflows(parameters, calendar, { id, index, createdAt, users, isActive }),
  }
}

export function organizationRow(organization: Organization): SeedRow {
  return [
    organization.id,
    organization.name,
    organization.domain,
    organization.webhook,
    organization.maxSteps,
    organization.maxRetries,
    organization.isActive,
    organization.settings,
    timestampText(organization.createdAt),
    timestampText(organization.updatedAt),
  ]
}

const TEAM = new LongTail(5, 0.7)
const ROLES = new Weighted([
  ['member', 7],
  ['admin', 2],
  ['viewer', 2],
])

function makeUsers(
  parameters: SeedParameters,
  organizationId: string,
  organization: number,
  domain: string | null,
  from: number,
): User[] {
  const random = new Random(parameters.seed, 'users').at(organization)
  const count = Math.min(2 + Math.floor(TEAM.draw(random)), PEOPLE.length * 2)
  const start = random.below(PEOPLE.length)
  return Array.from({ length: count }, (_, index) => {
    const [name, mailbox] = PEOPLE[(start + index) % PEOPLE.length] ?? ['Somebody', 'somebody']
    const createdAt = from + (index + 1) * random.between(HOUR, 8 * HOUR)
    const id = seedId('u', createdAt, organization * 64 + index)
    const suffix = index < PEOPLE.length ? '' : '.2'
    const email = `${mailbox}${suffix}@${domain ?? 'mail.example'}`
    const created = timestampText(createdAt)
    const role = index === 0 ? 'owner' : ROLES.draw(random)
    const fullName = random.chance(0.06) ? null : name
    return {
      id,
      email,
      row: [id, organizationId, email, fullName, role, index < 2 || random.chance(0.92), created, created],
    }
  })
}

const KEY_NAMES = ['production', 'ci', "Bob's laptop", 'zapier', 'テスト用']

function apiKeyRows(
  organization: Organization,
  index: number,
  parameters: SeedParameters,
  random: Random,
): SeedRow[] {
  random.at(index)
  return Array.from({ length: random.between(1, 3) }, (_, number) => {
    const createdAt = organization.createdAt + (number + 1) * random.between(DAY, 6 * DAY)
    const key = `sk_${random.hex(48)}`
    const revoked = !organization.isActive || (number > 0 && random.chance(0.3))
    const revokedAt = revoked ? createdAt + random.between(1, 9) * DAY : null
    const lastUsed = revokedAt ?? parameters.until - random.between(MINUTE, 3 * DAY)
    return [
      seedId('ak', createdAt, index * 4 + number),
      organization.id,
      KEY_NAMES[(index + number) % KEY_NAMES.length] ?? 'key',
      createHash('sha256').update(key).digest('hex'),
      key.slice(0, 11),
      !revoked,
      random.chance(0.85) ? timestampText(lastUsed) : null,
      revokedAt === null ? null : timestampText(revokedAt),
      timestampText(createdAt),
      timestampText(revokedAt ?? createdAt),
    ]
  })
}

interface Owner {
  readonly id: string
  readonly index: number
  readonly createdAt: number
  readonly users: readonly User[]
  readonly isActive: boolean
}

function makeWorkflows(parameters: SeedParameters, calendar: Calendar, owner: Owner): Workflow[] {
  const random = new Random(parameters.seed, 'workflows').at(owner.index)
  const count = owner.index === 0 ? 4 : random.between(1, 4)
  return Array.from({ length: count }, (_, number) => {
    const words = WORKFLOWS[(owner.index + number) % WORKFLOWS.length]
    if (words === undefined) throw new RangeError('no workflow templates')
    // The first workflow of an organization is always in use, so that every one of them has runs in flight.
    const isActive = owner.isActive && (number === 0 || random.chance(0.85))
    return makeVersions(words, isActive, number, calendar, owner, random)
  })
}

function makeVersions(
  words: WorkflowWords,
  isActive: boolean,
  number: number,
  calendar: Calendar,
  owner: Owner,
  random: Random,
): Workflow {
  const versions = random.pick([1, 2, 2, 3, 4])
  const firstAt = owner.createdAt + (number + 1) * random.between(DAY, 4 * DAY)
  const permanentId = seedId('wpid', firstAt, owner.index * 8 + number)
  // Later versions fall within the period, so that runs of several versions meet in the reports.
  const span = Math.floor((calendar.until - calendar.from - 5 * DAY) / versions)
  return {
    words,
    isActive,
    versions: Array.from({ length: versions }, (_, index) => {
      const createdAt = index === 0 ? firstAt : calendar.from + index * span + random.below(2 * DAY)
      const id = seedId('w', createdAt, owner.index * 32 + number * 4 + index)
      const isLast = index === versions - 1
      const created = timestampText(createdAt)
      const row: SeedRow = [
        id,
        permanentId,
        owner.id,
        random.chance(0.9) ? random.pick(owner.users).id : null,
        words.title,
        words.description,
        index + 1,
        isActive && (isLast || random.chance(0.2)),
        JSON.stringify(definition(words, index + 1)),
        words.schema === null ? null : JSON.stringify(words.schema),
        created,
        created,
      ]
      return { id, createdAt, row }
    }),
  }
}

/** The blocks of one version of a workflow. */
export function blocksOf(words: WorkflowWords, version: number): WorkflowWords['blocks'] {
  if (version === 1) return words.blocks
  return [...words.blocks.slice(0, -1), ...words.later, ...words.blocks.slice(-1)]
}

function definition(words: WorkflowWords, version: number) {
  return {
    version: 2,
    blocks: blocksOf(words, version).map((block) => ({
      label: block.label,
      block_type: block.type,
      ...(block.goal === undefined ? {} : { navigation_goal: block.goal }),
      max_retries: version === 1 ? 0 : 1,
      continue_on_failure: false,
    })),
    parameters: Object.keys(words.schema?.properties ?? {}).map((key) => ({ key, parameter_type: 'workflow' })),
  }
}
