/**
 * Events. The audit trigger does not fire while seed data is loaded; what it would have written at the simulated time
 * stands here instead, in its form (`event_data` with the changed fields), beside events that the platform writes.
 */
import { timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import type { PullRequest } from './pull-requests.ts'
import { NUMBERS } from './tables.ts'
import type { Task } from './tasks.ts'
import type { Project } from './world.ts'

type Category = 'task' | 'execution' | 'pr' | 'validation' | 'system' | 'webhook'

interface Happening {
  readonly type: string
  readonly category: Category
  readonly at: number
  readonly action: string
  readonly actor: string
  readonly data: Readonly<Record<string, unknown>>
  readonly execution?: string
  readonly pullRequest?: string
}

/** A task, with all that hangs on it, has no more events; their numbers are the task's times this and more. */
const MOST = 64

/** What becomes of a field: from, to. */
type Changes = Readonly<Record<string, readonly [from: unknown, to: unknown]>>

function audit(
  table: string,
  category: Category,
  id: string,
  at: number,
  actor: string,
  changes?: Changes,
): Happening & { readonly type: 'audit' } {
  const changed =
    changes && Object.fromEntries(Object.entries(changes).map(([field, [from, to]]) => [field, { from, to }]))
  return {
    type: 'audit',
    category,
    at,
    action: changed === undefined ? 'created' : 'updated',
    actor,
    data: { table, id, ...(changed === undefined ? {} : { changed }) },
  }
}

export function* projectEventRows(projects: readonly Project[]): Generator<SeedRow> {
  for (const { id, index, createdAt, archivedAt } of projects) {
    const happenings = [
      audit('projects', 'system', id, createdAt, 'ana.costa'),
      ...(archivedAt === null
        ? []
        : [
            audit('projects', 'system', id, archivedAt, 'grace.liu', {
              archived_at: [null, timestampText(archivedAt)],
            }),
          ]),
    ]
    for (const [number, each] of happenings.entries()) {
      // Numbers beyond those of any task.
      const event = seedUuid(NUMBERS.events, each.at, 2 ** 40 + index * 2 + number)
      yield rowOf(each, event, id, null)
    }
  }
}

/** @param byTask pull requests of the same tasks */
export function* eventRows(tasks: readonly Task[], byTask: ReadonlyMap<Task, PullRequest>): Generator<SeedRow> {
  for (const task of tasks) {
    const pullRequest = byTask.get(task)
    const happenings = [
      ...taskEvents(task),
      ...executionEvents(task),
      ...(pullRequest ? pullEvents(pullRequest) : []),
    ]
    happenings.sort((one, other) => one.at - other.at)
    for (const [number, each] of happenings.slice(0, MOST).entries()) {
      yield rowOf(each, seedUuid(NUMBERS.events, each.at, task.index * MOST + number), task.project.id, task.id)
    }
  }
}

function rowOf(each: Happening, id: string, project: string, task: string | null): SeedRow {
  return [
    id,
    each.type,
    each.category,
    project,
    task,
    each.execution ?? null,
    each.pullRequest ?? null,
    each.actor,
    each.action,
    JSON.stringify(each.data),
    timestampText(each.at),
  ]
}

function taskEvents({ id, by, agent, status, createdAt, assignedAt, completedAt, attempts }: Task): Happening[] {
  const happenings: Happening[] = [audit('tasks', 'task', id, createdAt, by)]
  const changed = (at: number, actor: string, changes: Changes) =>
    happenings.push(audit('tasks', 'task', id, at, actor, changes))
  if (assignedAt !== null) {
    changed(assignedAt, 'task_manager', {
      assigned_agent: [null, agent],
      assigned_at: [null, timestampText(assignedAt)],
    })
  }
  const started = attempts[0]?.createdAt
  if (started !== undefined) changed(started, agent ?? by, { status: ['pending', 'in_progress'] })
  if (status === 'validation') {
    changed(attempts.at(-1)?.completedAt ?? createdAt, agent ?? by, { status: ['in_progress', 'validation'] })
  }
  if (completedAt !== null) {
    const from = started === undefined ? 'pending' : 'in_progress'
    changed(completedAt, status === 'cancelled' ? by : (agent ?? by), {
      status: [from, status],
      completed_at: [null, timestampText(completedAt)],
    })
  }
  return happenings
}

function executionEvents({ attempts }: Task): Happening[] {
  return attempts.flatMap(({ id, agent, status, createdAt, startedAt, completedAt }) => {
    const of = (happening: Happening): Happening => ({ ...happening, execution: id })
    const changed = (at: number, changes: Changes) =>
      of(audit('task_executions', 'execution', id, at, agent, changes))
    return [
      of(audit('task_executions', 'execution', id, createdAt, agent)),
      ...(startedAt === null
        ? []
        : [
            changed(startedAt, {
              execution_status: ['queued', 'running'],
              started_at: [null, timestampText(startedAt)],
            }),
          ]),
      ...(completedAt === null
        ? []
        : [
            changed(completedAt, {
              execution_status: [startedAt === null ? 'queued' : 'running', status],
              completed_at: [null, timestampText(completedAt)],
            }),
          ]),
    ]
  })
}

function pullEvents({ id, task, status, createdAt, endedAt, validations }: PullRequest): Happening[] {
  const of = (happening: Happening): Happening => ({ ...happening, pullRequest: id })
  const agent = task.agent ?? task.by
  const happenings = [of(audit('pull_requests', 'pr', id, createdAt, agent))]
  if (status !== 'draft') {
    happenings.push(
      of({
        type: 'pull_request.opened',
        category: 'webhook',
        at: createdAt,
        action: 'received',
        actor: 'webhook_orchestrator',
        data: { repository: task.project.name, number: task.index + 1 },
      }),
    )
  }
  for (const { words, result, completedAt } of validations) {
    if (result !== 'failed') continue
    happenings.push(
      of({
        type: 'validation.failed',
        category: 'validation',
        at: completedAt,
        action: 'notified',
        actor: words.validator,
        data: { validation_type: words.type },
      }),
    )
  }
  if (endedAt !== null) {
    const ended = timestampText(endedAt)
    const changes: Changes =
      status === 'merged'
        ? { status: ['approved', 'merged'], merged_at: [null, ended] }
        : { status: ['open', 'closed'], closed_at: [null, ended] }
    happenings.push(of(audit('pull_requests', 'pr', id, endedAt, 'grace.liu', changes)))
  }
  return happenings
}
