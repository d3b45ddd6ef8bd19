/**
 * What there are few of and everything else refers to: workflows with their actions and triggers, and integrations.
 * Held in memory; the rest is made block by block from it.
 */
import { Calendar, DAY, HOUR, MINUTE, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedParameters, SeedRow } from '../../src/seeds/definition.ts'
import { type Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { DAYS, NUMBERS } from './tables.ts'
import { INTEGRATIONS, PEOPLE, REPOSITORIES } from './words/places.ts'
import { type ActionWords, type TriggerWords, WORKFLOWS, type WorkflowWords } from './words/workflows.ts'

/** The end of the period belongs to the work in flight; whatever is finished was created before. */
export const IN_FLIGHT = HOUR

export interface Workflow {
  readonly id: string
  readonly words: WorkflowWords
  readonly repository: string
  readonly isActive: boolean
  /** When executions stopped beginning; none begins in a draft. */
  readonly until: number
  readonly trigger: TriggerWords
  readonly actions: readonly { readonly id: string; readonly words: ActionWords }[]
  readonly row: SeedRow
  readonly actionRows: readonly SeedRow[]
  readonly triggerRows: readonly SeedRow[]
}

export interface Integration {
  readonly id: string
  readonly isEnabled: boolean
  readonly repository: string
  readonly events: Weighted<string>
  readonly row: SeedRow
}

export interface World {
  readonly parameters: SeedParameters
  /** When finished work was created. */
  readonly calendar: Calendar
  readonly workflows: readonly Workflow[]
  /** Those in use, the busiest first. */
  readonly active: readonly Workflow[]
  /** By share of the work, those no longer in use among them. */
  readonly byShare: Weighted<Workflow>
  readonly integrations: readonly Integration[]
  /** Those in use, by share of the events. */
  readonly reporting: Weighted<Integration>
  readonly enabled: readonly Integration[]
}

/** How many workflows there are for this many executions: the document's own estimates at its largest. */
export function workflowCount(executions: number): number {
  if (executions <= 1000) return 24
  if (executions <= 10_000) return 120
  return executions <= 100_000 ? 1000 : 10_000
}

/** How many integrations, likewise. */
export function integrationCount(executions: number): number {
  if (executions <= 10_000) return INTEGRATIONS.length
  return executions <= 100_000 ? 4 * INTEGRATIONS.length : 9 * INTEGRATIONS.length
}

export function makeWorld(parameters: SeedParameters): World {
  const calendar = new Calendar(parameters.until - IN_FLIGHT, DAYS)
  const count = workflowCount(parameters.size)
  const random = new Random(parameters.seed, 'workflows')
  const workflows = Array.from({ length: count }, (_, index) => makeWorkflow(calendar, index, count, random))
  const active = workflows.filter(({ isActive }) => isActive)
  const source = new Random(parameters.seed, 'integrations')
  const integrations = Array.from({ length: integrationCount(parameters.size) }, (_, index) =>
    makeIntegration(parameters, calendar, index, source),
  )
  const enabled = integrations.filter(({ isEnabled }) => isEnabled)
  return {
    parameters,
    calendar,
    workflows,
    active,
    byShare: zipf(workflows.filter(({ until }) => until > calendar.from)),
    integrations,
    reporting: zipf(enabled),
    enabled,
  }
}

type Status = 'draft' | 'active' | 'inactive' | 'archived'

/** In every dozen: one draft, one inactive, one archived, the others in use; the first of all are always in use. */
function statusOf(index: number): Status {
  const place = index % 12
  if (place === 11) return 'draft'
  if (place === 7) return 'inactive'
  return place === 9 ? 'archived' : 'active'
}

function makeWorkflow(calendar: Calendar, index: number, count: number, source: Random): Workflow {
  const random = source.at(index)
  const words = WORKFLOWS[index % WORKFLOWS.length]
  if (words === undefined) throw new RangeError('no workflow templates')
  const round = Math.floor(index / WORKFLOWS.length)
  const repository = REPOSITORIES[(index + round) % REPOSITORIES.length] ?? 'docs'
  // The first names are plain; beyond every pair of title and repository a number tells them apart.
  const again = Math.floor(round / REPOSITORIES.length)
  const name = `${words.title}: ${repository}${again === 0 ? '' : ` ${again + 1}`}`
  const status = statusOf(index)
  // Older ones first. A draft is young; whatever else there is was there before the period.
  const createdAt =
    status === 'draft'
      ? calendar.until - random.between(DAY, 20 * DAY)
      : calendar.from - Math.floor(((count - index) / count) * 300 * DAY) - random.between(2 * DAY, 12 * DAY)
  const stopped = status === 'inactive' || status === 'archived'
  const until = stopped ? calendar.from + random.between(30 * DAY, 75 * DAY) : status === 'draft' ? 0 : calendar.until
  // A draft of yesterday was not changed tomorrow.
  const updatedAt = stopped ? until : Math.min(createdAt + random.between(HOUR, 40 * HOUR), calendar.until)
  // Of the archived ones every second is deleted as well.
  const deletedAt = index % 24 === 21 ? until + random.between(DAY, 10 * DAY) : null
  const id = seedUuid(NUMBERS.workflows, createdAt, index)
  const config = {
    max_retries: random.pick([3, 3, 2, 5, 0]),
    timeout_seconds: words.timeout,
    notification_channels: words.channels,
    ...(words.title.startsWith('Deploy') ? { auto_rollback: random.chance(0.6) } : {}),
    ...(random.chance(0.3) ? { settings: { auto_deploy: random.chance(0.5) } } : {}),
  }
  const actions = words.actions.map((each, place) => ({
    id: seedUuid(NUMBERS.actions, createdAt, index * 8 + place),
    words: each,
  }))
  const created = timestampText(createdAt)
  const [trigger] = words.triggers
  if (trigger === undefined) throw new RangeError('a workflow that nothing sets off')
  return {
    id,
    words,
    repository,
    isActive: status === 'active',
    until,
    trigger,
    actions,
    row: [
      id,
      name,
      words.description,
      status,
      JSON.stringify(config),
      random.chance(0.9) ? random.pick(PEOPLE) : null,
      created,
      timestampText(deletedAt ?? updatedAt),
      deletedAt === null ? null : timestampText(deletedAt),
    ],
    actionRows: actions.map((action, place) => [
      action.id,
      id,
      action.words.type,
      action.words.name,
      JSON.stringify(action.words.config),
      place,
      action.words.conditions === undefined ? null : JSON.stringify(action.words.conditions),
      created,
      created,
    ]),
    triggerRows: words.triggers.map(({ type, conditions }, place) => [
      seedUuid(NUMBERS.triggers, createdAt, index * 4 + place),
      id,
      type,
      JSON.stringify(conditions),
      !stopped && (place === 0 || random.chance(0.7)),
      created,
      timestampText(updatedAt),
    ]),
  }
}

function makeIntegration(parameters: SeedParameters, calendar: Calendar, index: number, source: Random): Integration {
  const random = source.at(index)
  const words = INTEGRATIONS[index % INTEGRATIONS.length]
  if (words === undefined) throw new RangeError('no integrations')
  const round = Math.floor(index / INTEGRATIONS.length)
  const createdAt = calendar.from - random.between(20 * DAY, 300 * DAY)
  const id = seedUuid(NUMBERS.integrations, createdAt, index)
  const deletedAt = words.deleted ? calendar.from + random.between(10 * DAY, 60 * DAY) : null
  const checkedAt = words.enabled
    ? parameters.until - random.between(MINUTE, 50 * MINUTE)
    : calendar.from + random.between(2 * DAY, 9 * DAY)
  const isUnknown = words.health === 'unknown'
  return {
    id,
    isEnabled: words.enabled,
    repository: REPOSITORIES[(index * 5) % REPOSITORIES.length] ?? 'docs',
    events: zipf(words.events),
    row: [
      id,
      round === 0 ? words.name : `${words.name} ${round + 1}`,
      words.type,
      JSON.stringify(words.config),
      words.enabled,
      words.health,
      isUnknown ? null : timestampText(checkedAt),
      timestampText(createdAt),
      timestampText(deletedAt ?? (isUnknown ? createdAt : checkedAt)),
      deletedAt === null ? null : timestampText(deletedAt),
    ],
  }
}
