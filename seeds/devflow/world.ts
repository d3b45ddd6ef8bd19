/** What there are few of and everything else refers to: projects and the configurations of their agents. */
import { Calendar, DAY, HOUR, MINUTE, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedParameters, SeedRow } from '../../src/seeds/definition.ts'
import { type Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { DAYS, NUMBERS } from './tables.ts'
import { AGENTS, PEOPLE, PROJECTS } from './words/projects.ts'

/** The end of the period belongs to the work in flight; whatever is finished was created before. */
export const IN_FLIGHT = 3 * DAY

export interface Project {
  readonly id: string
  readonly index: number
  readonly name: string
  readonly repositoryUrl: string
  /** When the last task of an archived project was created. */
  readonly until: number
  readonly createdAt: number
  readonly archivedAt: number | null
  readonly row: SeedRow
  readonly agentRows: readonly SeedRow[]
}

export interface World {
  readonly parameters: SeedParameters
  /** When finished work was created. */
  readonly calendar: Calendar
  readonly projects: readonly Project[]
  readonly byShare: Weighted<Project>
  /** Those that are not archived, for the work in flight. */
  readonly open: Weighted<Project>
}

/** How many projects there are for this many tasks. */
export function projectCount(tasks: number): number {
  return Math.max(PROJECTS.length, Math.round(tasks / 250))
}

/** Versions of the agents of one project. */
export const AGENTS_PER_PROJECT = 8

export function makeWorld(parameters: SeedParameters): World {
  const calendar = new Calendar(parameters.until - IN_FLIGHT, DAYS)
  const count = projectCount(parameters.size)
  const random = new Random(parameters.seed, 'projects')
  const projects = Array.from({ length: count }, (_, index) =>
    makeProject(parameters, calendar, random.at(index), index),
  )
  return {
    parameters,
    calendar,
    projects,
    byShare: zipf(projects),
    open: zipf(projects.filter(({ archivedAt }) => archivedAt === null)),
  }
}

function makeProject(parameters: SeedParameters, calendar: Calendar, random: Random, index: number): Project {
  const words = PROJECTS[index % PROJECTS.length]
  if (words === undefined) throw new RangeError('no projects')
  const round = Math.floor(index / PROJECTS.length)
  const name = round === 0 ? words.name : `${words.name}-${round + 1}`
  const createdAt = calendar.from - random.between(5, 300) * DAY
  // The last of every dozen is archived, and another of every second dozen.
  const isArchived = index % PROJECTS.length === PROJECTS.length - 1 || index % 24 === 22
  const until = isArchived ? calendar.from + random.between(40, 80) * DAY : calendar.until
  const archivedAt = isArchived ? until + random.between(10, 20) * DAY : null
  const id = seedUuid(NUMBERS.projects, createdAt, index)
  const repositoryUrl = `https://git.example.com/acme/${name}`
  const settings = {
    notifications: random.pick(['all', 'failures', 'none']),
    auto_merge: random.chance(0.25),
    required_validations: ['unit_tests', 'lint'],
  }
  return {
    id,
    index,
    name,
    repositoryUrl,
    until,
    createdAt,
    archivedAt,
    row: [
      id,
      name,
      words.description,
      repositoryUrl,
      `acme/${name}`,
      random.chance(0.85) ? 'main' : 'develop',
      JSON.stringify(settings),
      timestampText(createdAt),
      timestampText(archivedAt ?? createdAt),
      archivedAt === null ? null : timestampText(archivedAt),
    ],
    agentRows: agentRows(parameters, random, { id, index, createdAt, archivedAt }),
  }
}

/** Two versions of each agent, the last one active; agents of archived projects have none that is. */
function agentRows(
  { until }: SeedParameters,
  random: Random,
  { id, index, createdAt, archivedAt }: Pick<Project, 'id' | 'index' | 'createdAt' | 'archivedAt'>,
): SeedRow[] {
  return AGENTS.flatMap((agent, place) =>
    [1, 2].map((version): SeedRow => {
      const madeAt = createdAt + (version - 1) * 3 * DAY + place * HOUR
      const isActive = version === 2 && archivedAt === null && (index + place) % 9 !== 8
      const checkedAt = isActive ? until - random.between(2, 90) * MINUTE : madeAt + DAY
      const health = isActive
        ? index + place === 0
          ? 'degraded'
          : index + place === 3
            ? 'unhealthy'
            : random.chance(0.9)
              ? 'healthy'
              : 'degraded'
        : version === 1
          ? 'healthy'
          : 'unknown'
      const configuration = version === 1 ? { ...agent.configuration, retired: true } : agent.configuration
      return [
        seedUuid(NUMBERS.agents, madeAt, index * AGENTS_PER_PROJECT + place * 2 + version - 1),
        id,
        agent.type,
        agent.name,
        version,
        JSON.stringify(configuration),
        JSON.stringify(agent.capabilities),
        JSON.stringify(agent.constraints),
        isActive,
        health,
        health === 'unknown' ? null : timestampText(checkedAt),
        timestampText(madeAt),
        timestampText(health === 'unknown' ? madeAt : checkedAt),
      ]
    }),
  )
}

/** Who asks for work. */
export const ASKING = zipf(PEOPLE)
