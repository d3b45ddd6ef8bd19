/** Pull requests of tasks, by how the task stands, and the validations that let them in or keep them out. */
import { HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import { branchOf, type Task } from './tasks.ts'
import { COMMENTS } from './words/tasks.ts'
import { VALIDATIONS, type ValidationWords } from './words/validations.ts'
import type { World } from './world.ts'

type Result = 'passed' | 'failed' | 'warning' | 'skipped'
export type PullRequestStatus =
  | 'draft'
  | 'open'
  | 'review_requested'
  | 'approved'
  | 'merged'
  | 'closed'
  | 'failed_validation'

export interface Validation {
  readonly id: string
  readonly words: ValidationWords
  readonly result: Result
  readonly score: number | null
  readonly startedAt: number
  readonly completedAt: number
}

export interface PullRequest {
  readonly id: string
  readonly task: Task
  readonly status: PullRequestStatus
  readonly createdAt: number
  readonly updatedAt: number
  readonly endedAt: number | null
  readonly validations: readonly Validation[]
  /** Of the last execution, apart from the pull request: its output is validated too. */
  readonly commit: string
}

/** A pull request has no more validations; their numbers are the task's times this and more. */
export const MOST_VALIDATIONS = 16

const OF_COMPLETED = new Weighted<PullRequestStatus>([
  ['merged', 93],
  ['closed', 7],
])
const OF_FAILED = new Weighted<PullRequestStatus>([
  ['closed', 70],
  ['failed_validation', 30],
])
/** In turn, so that the smallest set has every state. */
const OF_VALIDATION: readonly PullRequestStatus[] = ['open', 'review_requested', 'approved', 'failed_validation']
/** Hours from opening to the end. */
const REVIEW = new LongTail(7, 0.9)

export function pullRequestsOf(world: World, tasks: readonly Task[]): PullRequest[] {
  const source = new Random(world.parameters.seed, 'pull requests')
  const { until } = world.parameters
  return tasks.flatMap((task) => {
    const random = source.at(task.index)
    const status = statusOf(random, task)
    const worked = workedAt(task)
    if (status === undefined || worked === undefined) return []
    const createdAt = Math.min(worked + random.between(1, 15) * MINUTE, until - 4 * MINUTE)
    const isOver = status === 'merged' || status === 'closed'
    const review = Math.floor(REVIEW.draw(random) * HOUR)
    const endedAt = isOver ? Math.min(createdAt + 3 * MINUTE + review, until - SECOND) : null
    const validations =
      status === 'draft' ? [] : validationsOf(random, task.index, status, createdAt, endedAt ?? until - SECOND)
    const last = validations.at(-1)?.completedAt ?? createdAt
    return [
      {
        id: seedUuid(NUMBERS.pullRequests, createdAt, task.index),
        task,
        status,
        createdAt,
        updatedAt: Math.max(endedAt ?? last, last),
        endedAt,
        validations,
        commit: random.hex(40),
      },
    ]
  })
}

/** When there was something to show: the end of an attempt, or its beginning while the first one runs. */
function workedAt({ attempts }: Task): number | undefined {
  const ended = attempts.find(({ completedAt }) => completedAt !== null)?.completedAt
  return ended ?? attempts.find(({ startedAt }) => startedAt !== null)?.startedAt ?? undefined
}

/** Plans and dispatches change no code; work that failed seldom got as far as a pull request. */
function statusOf(random: Random, { status, agent, index }: Task): PullRequestStatus | undefined {
  if (agent !== 'claude_code' && agent !== 'codegen') return undefined
  if (status === 'completed') return random.chance(0.9) ? OF_COMPLETED.draw(random) : undefined
  if (status === 'validation') return OF_VALIDATION[index % OF_VALIDATION.length]
  if (status === 'failed') return random.chance(0.35) ? OF_FAILED.draw(random) : undefined
  return status === 'in_progress' ? 'draft' : undefined
}

/** One or two rounds of validations. The last round of what was merged or approved has no failure; a failure is the last of what failed. */
function validationsOf(
  random: Random,
  task: number,
  status: PullRequestStatus,
  from: number,
  limit: number,
): Validation[] {
  const validations: Validation[] = []
  const rounds = random.chance(0.3) ? 2 : 1
  // Everything lies before the end: the steps share what time there is.
  const step = Math.min(4 * MINUTE, Math.floor((limit - from) / (rounds * VALIDATIONS.length + 1)))
  let at = from
  for (let round = 1; round <= rounds; round++) {
    const isLast = round === rounds
    const failing = isLast && status !== 'failed_validation' ? -1 : random.below(VALIDATIONS.length)
    for (const [place, words] of VALIDATIONS.entries()) {
      if (place !== failing && place > 2 && random.chance(0.4)) continue
      const result: Result = place === failing ? 'failed' : passing(random)
      const length = Math.min(step - 1, Math.floor(words.time * 1000 * (0.5 + random.fraction())))
      validations.push({
        id: seedUuid(NUMBERS.validations, at + length, task * MOST_VALIDATIONS + validations.length),
        words,
        result,
        score: scoreOf(random, result),
        startedAt: at,
        completedAt: at + length,
      })
      at += step
    }
  }
  return validations
}

function passing(random: Random): Result {
  if (random.chance(0.86)) return 'passed'
  return random.chance(0.75) ? 'warning' : 'skipped'
}

/** In quarters of a point. */
function scoreOf(random: Random, result: Result): number | null {
  if (result === 'skipped') return null
  const [lowest, highest] = { passed: [82, 100], warning: [60, 82], failed: [5, 55] }[result] as [number, number]
  return lowest + random.below((highest - lowest) * 4 + 1) / 4
}

export function* pullRequestRows(world: World, pullRequests: readonly PullRequest[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'pull request rows')
  for (const { id, task, status, createdAt, updatedAt, endedAt, validations, commit } of pullRequests) {
    const random = source.at(task.index)
    const { project } = task
    const number = status === 'draft' ? null : task.index + 1
    const ended = endedAt === null ? null : timestampText(endedAt)
    const reviewed = status === 'merged' || status === 'approved' || status === 'closed'
    const comments = reviewed
      ? [{ author: random.pick(['ana.costa', 'grace.liu']), text: random.pick(COMMENTS) }]
      : []
    yield [
      id,
      task.id,
      project.id,
      number,
      project.repositoryUrl,
      branchOf(task),
      'main',
      task.title,
      task.words.description,
      status,
      number === null ? null : `${project.repositoryUrl}/pull/${number}`,
      commit,
      projectionOf(validations),
      JSON.stringify(comments),
      timestampText(createdAt),
      timestampText(updatedAt),
      status === 'merged' ? ended : null,
      status === 'closed' ? ended : null,
    ]
  }
}

/** What the trigger makes of the validations (`pull_requests.validation_results`): the last one of each type. */
function projectionOf(validations: readonly Validation[]): string {
  const last = validations.map(({ words, result, score }) => [
    words.type,
    { result, score, validator: words.validator },
  ])
  return JSON.stringify(Object.fromEntries(last))
}

export function* validationRows(world: World, pullRequests: readonly PullRequest[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'validation rows')
  for (const { id: pullRequest, task, validations } of pullRequests) {
    for (const [place, { id, words, result, score, startedAt, completedAt }] of validations.entries()) {
      const random = source.at(task.index * MOST_VALIDATIONS + place)
      const wanting = result === 'failed' || result === 'warning'
      // What agents themselves validated was the output of an execution as well.
      const execution = words.type === 'code_review' ? (task.attempts.at(-1)?.id ?? null) : null
      yield [
        id,
        pullRequest,
        execution,
        words.type,
        words.validator,
        result,
        JSON.stringify({ checks: random.between(3, 60), findings: wanting ? random.between(1, 5) : 0 }),
        score,
        JSON.stringify(wanting ? [random.pick(words.suggestions)] : []),
        Math.round((completedAt - startedAt) / 1000),
        timestampText(startedAt),
        timestampText(completedAt),
        timestampText(completedAt),
        timestampText(completedAt),
      ]
    }
  }
}
