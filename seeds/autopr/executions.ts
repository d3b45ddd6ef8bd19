/** Executions, each retry directly after the execution that it repeats. */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import { EXECUTION_FAILURES } from './words/failures.ts'
import { BRANCHES, PEOPLE } from './words/places.ts'
import { IN_FLIGHT, type Workflow, type World } from './world.ts'

export type ExecutionStatus = 'pending' | 'running' | 'completed' | 'failed' | 'timeout' | 'cancelled'

export interface Execution {
  readonly index: number
  readonly id: string
  readonly workflow: Workflow
  readonly status: ExecutionStatus
  readonly error: string | null
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
  /** Step that it came to, the last that left a trace in the log. */
  readonly lastStep: number
  readonly retries: number
  readonly parent: string | null
}

const OUTCOMES = new Weighted<ExecutionStatus>([
  ['completed', 80],
  ['failed', 11],
  ['timeout', 4],
  ['cancelled', 5],
])
/** The first end in each way once, so that the smallest set has every state. */
const FIRST: readonly ExecutionStatus[] = ['completed', 'failed', 'timeout', 'cancelled']
const FAILURE = zipf(EXECUTION_FAILURES)
/** Seconds in the queue. */
const QUEUE = new LongTail(3, 1.1)
/** Running time relative to the median of the workflow. */
const PACE = new LongTail(1, 0.6)
/** Half of what goes wrong is tried again, at most so often. */
const RETRIED = 0.55
const MOST_RETRIES = 3

/** The executions from one number to another, the last not included; the same whatever was made before. */
export function makeExecutions(world: World, from: number, to: number): Execution[] {
  const random = new Random(world.parameters.seed, 'executions')
  const made: Execution[] = []
  for (let index = from; index < to; index++) made.push(makeExecution(world, index, made.at(-1), random.at(index)))
  return made
}

function makeExecution(world: World, index: number, before: Execution | undefined, random: Random): Execution {
  const { parameters, calendar, active, byShare } = world
  const { size, until } = parameters
  const inFlight = Math.min(Math.floor(size / 4), 24)
  const fromEnd = size - 1 - index
  const recent = fromEnd < inFlight
  const parent = recent ? undefined : repeated(before, calendar.until, random)
  const createdAt = recent
    ? until - Math.floor(((fromEnd + 0.2 + 0.6 * random.fraction()) * IN_FLIGHT) / inFlight)
    : parent === undefined
      ? calendar.at(index, size - inFlight, random)
      : (parent.completedAt ?? parent.createdAt) + random.between(5 * SECOND, 8 * MINUTE)
  const workflow = parent?.workflow ?? workflowAt(recent ? undefined : byShare, active, index, createdAt, random)
  const status: ExecutionStatus = recent
    ? fromEnd < inFlight / 2
      ? 'pending'
      : 'running'
    : parent === undefined
      ? (FIRST[index] ?? OUTCOMES.draw(random))
      : random.chance(0.7)
        ? 'completed'
        : 'failed'
  const limit = until - 2 * SECOND
  const waits = status === 'pending' || (status === 'cancelled' && random.chance(0.4))
  const queued = Math.floor(QUEUE.draw(random) * SECOND)
  const startedAt = waits ? undefined : Math.min(createdAt + queued, limit)
  const running = workflow.words.seconds * PACE.draw(random) * SECOND
  const length =
    status === 'timeout'
      ? workflow.words.timeout * SECOND + random.below(SECOND)
      : status === 'completed'
        ? running
        : running * random.fraction()
  const ended = status === 'pending' || status === 'running' ? undefined : true
  const completedAt = ended && Math.min((startedAt ?? createdAt) + Math.floor(length) + SECOND, limit + SECOND)
  const steps = workflow.actions.length
  return {
    index,
    id: seedUuid(NUMBERS.executions, createdAt, index),
    workflow,
    status,
    error: errorOf(status, workflow, random),
    createdAt,
    startedAt,
    completedAt,
    lastStep: waits ? -1 : status === 'completed' ? steps - 1 : failingStep(workflow, random),
    retries: parent === undefined ? 0 : parent.retries + 1,
    parent: parent?.id ?? null,
  }
}

/** The execution before this one, when this one is to repeat it. */
function repeated(before: Execution | undefined, until: number, random: Random): Execution | undefined {
  if (before === undefined || (before.status !== 'failed' && before.status !== 'timeout')) return undefined
  if (before.retries >= MOST_RETRIES || !random.chance(RETRIED)) return undefined
  return (before.completedAt ?? until) + 10 * MINUTE < Math.min(until, before.workflow.until) ? before : undefined
}

function workflowAt(
  byShare: Weighted<Workflow> | undefined,
  active: readonly Workflow[],
  index: number,
  at: number,
  random: Random,
): Workflow {
  const drawn = byShare?.draw(random)
  if (drawn !== undefined && drawn.until > at) return drawn
  const inTurn = active[index % active.length]
  if (inTurn === undefined) throw new RangeError('no workflow is active')
  return inTurn
}

const FAILING = new WeakMap<Workflow['words'], Weighted<number>>()

function failingStep({ words }: Workflow, random: Random): number {
  let failing = FAILING.get(words)
  if (failing === undefined) {
    failing = new Weighted(words.actions.map(({ fails }, place) => [place, fails]))
    FAILING.set(words, failing)
  }
  return failing.draw(random)
}

function errorOf(status: ExecutionStatus, { words }: Workflow, random: Random): string | null {
  if (status === 'failed') return FAILURE.draw(random)
  if (status === 'timeout') return `Timed out after ${words.timeout} s`
  return status === 'cancelled' && random.chance(0.6) ? `Cancelled by ${random.pick(PEOPLE)}` : null
}

/** `exec-20251122-150000-abc123`: the number scattered over 24 bits, as the database's default does it. */
function readableId(createdAt: number, index: number): string {
  const digits = (Math.imul(index + 1, 10_368_889) & 0xff_ff_ff).toString(16).padStart(6, '0')
  const [date = '', time = ''] = timestampText(createdAt).slice(0, 19).replaceAll(/[-:]/g, '').split(' ')
  return `exec-${date}-${time}-${digits}`
}

/** Rows of `workflow_executions`. */
export function* executionRows(world: World, executions: readonly Execution[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'execution rows')
  for (const execution of executions) {
    const random = source.at(execution.index)
    const { workflow, status, createdAt, startedAt, completedAt } = execution
    const type = workflow.trigger.type
    yield [
      execution.id,
      workflow.id,
      readableId(createdAt, execution.index),
      status,
      timestampText(createdAt),
      startedAt === undefined ? null : timestampText(startedAt),
      completedAt === undefined ? null : timestampText(completedAt),
      status === 'completed' ? JSON.stringify(workflow.words.result(workflow.repository, random)) : null,
      execution.error,
      execution.retries,
      execution.parent,
      type,
      JSON.stringify(triggerData(type, workflow.repository, random)),
    ]
  }
}

function triggerData(type: string, repository: string, random: Random): object {
  if (type === 'schedule') return { scheduled: true }
  if (type === 'manual') return { triggered_by: random.pick(PEOPLE) }
  return {
    repository,
    branch: random.pick(BRANCHES),
    pull_request_number: 1 + random.below(4000),
    author: random.pick(PEOPLE),
  }
}
