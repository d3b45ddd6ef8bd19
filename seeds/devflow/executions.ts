/** Attempts of agents at a task: those that failed first, then the one that says how the task stands. */
import { HOUR, MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, zipf } from '../../src/seeds/distributions.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import type { Task, TaskStatus } from './tasks.ts'
import type { AgentType } from './words/projects.ts'
import { FAILURES, type TaskWords } from './words/tasks.ts'
import type { World } from './world.ts'

export type ExecutionStatus = 'queued' | 'running' | 'completed' | 'failed' | 'timeout' | 'cancelled'

export interface Attempt {
  readonly id: string
  readonly number: number
  readonly agent: AgentType
  readonly status: ExecutionStatus
  readonly createdAt: number
  readonly startedAt: number | null
  readonly completedAt: number | null
}

/** A task has no more attempts; their numbers are the task's times this and more. */
export const MOST_ATTEMPTS = 4

const FAILURE = zipf(FAILURES)
const QUEUE = new LongTail(20, 0.9)
/** Minutes of work and its spread, megabytes, and the share of the time that a processor works. */
const EFFORT: Readonly<
  Record<AgentType, { readonly time: LongTail; readonly memory: LongTail; readonly load: number }>
> = {
  claude_code: { time: new LongTail(14, 0.7), memory: new LongTail(620, 0.35), load: 0.45 },
  codegen: { time: new LongTail(8, 0.6), memory: new LongTail(410, 0.3), load: 0.55 },
  task_manager: { time: new LongTail(3, 0.5), memory: new LongTail(180, 0.25), load: 0.2 },
  webhook_orchestrator: { time: new LongTail(0.6, 0.5), memory: new LongTail(120, 0.2), load: 0.1 },
}
/** How often an attempt before the last one was needed. */
const AGAIN: Readonly<Record<AgentType, number>> = {
  claude_code: 0.18,
  codegen: 0.3,
  task_manager: 0.1,
  webhook_orchestrator: 0.12,
}

interface Course {
  readonly task: number
  readonly agent: AgentType
  readonly from: number
  readonly limit: number
  readonly status: TaskStatus
  readonly hours: number
  readonly words: TaskWords
}

export function attemptsOf(random: Random, { task, agent, from, limit, status, hours }: Course): Attempt[] {
  const attempts: Attempt[] = []
  let at = from
  while (attempts.length < MOST_ATTEMPTS - 1 && random.chance(AGAIN[agent])) {
    const outcome = random.chance(0.75) ? 'failed' : 'timeout'
    attempts.push(attempt(random, task, attempts.length, agent, outcome, at, limit, hours))
    at = (attempts.at(-1)?.completedAt ?? at) + random.between(1, 20) * MINUTE
    if (at > limit - 2 * MINUTE)
      return settled(attempts, status, random, { task, agent, at: limit - MINUTE, limit, hours })
  }
  return settled(attempts, status, random, { task, agent, at, limit, hours })
}

/** The attempts with the last one, by how the task stands. */
function settled(
  attempts: readonly Attempt[],
  status: TaskStatus,
  random: Random,
  { task, agent, at, limit, hours }: Pick<Course, 'task' | 'agent' | 'limit' | 'hours'> & { readonly at: number },
): Attempt[] {
  const last = lastOutcome(random, status)
  return [...attempts, attempt(random, task, attempts.length, agent, last, at, limit, hours)]
}

function lastOutcome(random: Random, status: TaskStatus): ExecutionStatus {
  if (status === 'in_progress') return random.chance(0.3) ? 'queued' : 'running'
  if (status === 'failed') return random.chance(0.85) ? 'failed' : 'timeout'
  return status === 'cancelled' ? 'cancelled' : 'completed'
}

function attempt(
  random: Random,
  task: number,
  number: number,
  agent: AgentType,
  status: ExecutionStatus,
  from: number,
  limit: number,
  hours: number,
): Attempt {
  const createdAt = Math.min(from + random.between(1, 30) * SECOND, limit - 40 * SECOND)
  const neverRan = status === 'queued' || (status === 'cancelled' && random.chance(0.4))
  const startedAt = neverRan
    ? null
    : Math.min(createdAt + Math.floor(QUEUE.draw(random) * SECOND), limit - 20 * SECOND)
  const minutes = EFFORT[agent].time.draw(random) * (0.5 + hours / 12)
  const length = status === 'timeout' ? HOUR : Math.max(2 * SECOND, Math.floor(minutes * MINUTE))
  const isOver = status !== 'queued' && status !== 'running'
  const completedAt = isOver ? Math.min((startedAt ?? createdAt) + length, limit) : null
  const id = seedUuid(NUMBERS.executions, createdAt, task * MOST_ATTEMPTS + number)
  return { id, number, agent, status, createdAt, startedAt, completedAt }
}

export function* executionRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'executions')
  for (const task of tasks) {
    for (const each of task.attempts) {
      const random = source.at(task.index * MOST_ATTEMPTS + each.number)
      const { status, startedAt, completedAt } = each
      const measured = startedAt !== null && completedAt !== null
      const effort = EFFORT[each.agent]
      const busy = measured ? ((completedAt - startedAt) / 1000) * effort.load * (0.6 + 0.8 * random.fraction()) : 0
      const failure = FAILURE.draw(random)
      yield [
        each.id,
        task.id,
        each.agent,
        `${each.agent.replaceAll('_', '-')}-${random.between(1, 6)}`,
        status,
        JSON.stringify({ attempt: each.number + 1, files: [`src/${task.area.replaceAll(' ', '-')}.ts`] }),
        status === 'completed'
          ? JSON.stringify({
              files_changed: random.between(1, 9),
              lines_added: random.between(5, 400),
              tests_added: random.below(6),
            })
          : '{}',
        errorOf(status, failure),
        logsOf(each, task, failure.message),
        measured ? Math.round(effort.memory.draw(random)) : null,
        measured ? Math.round(busy) : null,
        timestampText(each.createdAt),
        timestampText(completedAt ?? startedAt ?? each.createdAt),
        startedAt === null ? null : timestampText(startedAt),
        completedAt === null ? null : timestampText(completedAt),
      ]
    }
  }
}

function errorOf(status: ExecutionStatus, failure: (typeof FAILURES)[number]): string {
  if (status === 'failed') return JSON.stringify(failure)
  if (status !== 'timeout') return '{}'
  return JSON.stringify({ code: 'TIMED_OUT', message: 'No result after 60 minutes', retryable: true })
}

function logsOf({ status, startedAt }: Attempt, task: Task, failure: string): string | null {
  if (startedAt === null) return null
  const ends: Readonly<Record<ExecutionStatus, string>> = {
    queued: '',
    running: 'working',
    completed: 'done: the branch is pushed',
    failed: failure,
    timeout: 'stopped after 60 minutes',
    cancelled: 'stopped by its owner',
  }
  return `reading ${task.area}\nplanning: ${task.title}\n${ends[status]}`
}
