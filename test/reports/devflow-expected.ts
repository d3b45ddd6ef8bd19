/**
 * DevFlow's reports computed over again in TypeScript, from whole rows and from what the reports say they mean. Nothing
 * is shared with the SQL, and the views are not read.
 */
import type { Database } from '../../src/db/database.ts'
import type { Cells } from '../../src/model/column.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import type { ExpectedRows } from './compare.ts'
import {
  by,
  countOf,
  earliest,
  groupBy,
  isWithin,
  latest,
  mean,
  type Period,
  percentile,
  secondsBetween,
  shareOf,
} from './raw.ts'

interface Project {
  readonly id: string
  readonly name: string
}

interface Task {
  readonly id: string
  readonly project_id: string
  readonly title: string
  readonly status: string
  readonly priority: number
  readonly assigned_agent: string | null
  readonly due_date: string | null
  readonly created_at: string
}

interface Execution {
  readonly task_id: string
  readonly agent_type: string
  readonly execution_status: string
  /** As PostgreSQL writes it. */
  readonly error: string | null
  readonly memory_usage_mb: number | null
  readonly cpu_time_ms: number | null
  readonly created_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
}

interface PullRequest {
  readonly id: string
  readonly project_id: string
  readonly pr_number: number | null
  readonly title: string
  readonly status: string
  readonly created_at: string
  readonly merged_at: string | null
}

interface Validation {
  readonly pr_id: string | null
  readonly validation_type: string
  readonly result: string
  readonly score: number | null
  readonly execution_time_ms: number | null
  readonly created_at: string
  readonly completed_at: string | null
}

interface Event {
  readonly id: string
  readonly event_type: string
  readonly event_category: string
  readonly project_id: string | null
  readonly task_id: string | null
  readonly task_execution_id: string | null
  readonly pr_id: string | null
  readonly actor: string | null
  readonly action: string
  /** As PostgreSQL writes it. */
  readonly data: string
  readonly occurred_at: string
}

export interface Raw {
  readonly projects: readonly Project[]
  readonly tasks: readonly Task[]
  readonly executions: readonly Execution[]
  readonly pullRequests: readonly PullRequest[]
  readonly validations: readonly Validation[]
  readonly events: readonly Event[]
}

export async function readRaw(db: Database): Promise<Raw> {
  const all = <T extends object>(table: string) => db.rows<T>(sql`SELECT * FROM ${identifier('devflow', table)}`)
  return {
    projects: await all<Project>('projects'),
    tasks: await all<Task>('tasks'),
    executions: await db.rows<Execution>(sql`
      SELECT task_id, agent_type, execution_status, error_details ->> 'code' AS error, memory_usage_mb, cpu_time_ms,
             created_at, started_at, completed_at
      FROM devflow.task_executions`),
    pullRequests: await all<PullRequest>('pull_requests'),
    validations: await all<Validation>('validations'),
    events: await db.rows<Event>(sql`
      SELECT id, event_type, event_category, project_id, task_id, task_execution_id, pr_id, actor, action,
             event_data::text AS data, occurred_at
      FROM devflow.workflow_events`),
  }
}

const big = (count: number): bigint => BigInt(count)
const sum = (values: readonly (number | null)[]): number =>
  values.reduce<number>((total, each) => total + (each ?? 0), 0)
const rateOf = (part: number, whole: number): number | null => (whole === 0 ? null : shareOf(part, whole))
const known = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null)

const ofProject = <T extends { readonly project_id: string }>(rows: readonly T[], project: string | undefined): T[] =>
  rows.filter(({ project_id }) => project === undefined || project_id === project)

function nameOf(projects: readonly Project[], id: string): string {
  const found = projects.find((project) => project.id === id)
  if (!found) throw new Error('no such project')
  return found.name
}

const STATES = ['pending', 'in_progress', 'validation']

export function expectedActive(raw: Raw, project: string | undefined): ExpectedRows {
  const active = ofProject(raw.tasks, project).filter(({ status }) => STATES.includes(status))
  const attempts = (task: Task) => raw.executions.filter(({ task_id }) => task_id === task.id)
  const states = STATES.flatMap((status): Cells[] => {
    const rows = active.filter((task) => task.status === status)
    if (rows.length === 0) return []
    return [
      {
        status,
        tasks: big(rows.length),
        unassigned: big(rows.filter(({ assigned_agent }) => assigned_agent === null).length),
        never_tried: big(rows.filter((task) => attempts(task).length === 0).length),
        oldest: earliest(rows.map(({ created_at }) => created_at)),
      },
    ]
  })
  const tasks = active.toSorted(
    by(
      (task) => ['down', task.priority],
      (task) => ['up', task.created_at],
      (task) => ['up', task.id],
    ),
  )
  return {
    states,
    tasks: tasks.slice(0, 100).map((task) => ({
      ...task,
      project_name: nameOf(raw.projects, task.project_id),
      execution_count: big(attempts(task).length),
      last_execution: latest(attempts(task).map(({ created_at }) => created_at)),
    })),
  }
}

const durationOf = ({ started_at, completed_at }: Execution) => secondsBetween(started_at, completed_at)
const statuses = (rows: readonly Execution[]) => rows.map(({ execution_status: status }) => ({ status }))

export function expectedExecutions(raw: Raw, project: string | undefined, period: Period): ExpectedRows {
  const summaries = ofProject(raw.tasks, project).flatMap((task) => {
    const rows = raw.executions.filter(({ task_id }) => task_id === task.id)
    const last = latest(rows.map(({ created_at }) => created_at))
    if (last === null || !isWithin({ created_at: last }, period)) return []
    const cpu = known(rows.map(({ cpu_time_ms }) => cpu_time_ms))
    return [
      {
        task_id: task.id,
        title: task.title,
        status: task.status,
        total_executions: big(rows.length),
        successful_executions: big(countOf(statuses(rows), 'completed')),
        failed_executions: big(countOf(statuses(rows), 'failed', 'timeout')),
        cancelled_executions: big(countOf(statuses(rows), 'cancelled')),
        avg_duration: mean(rows.map(durationOf)),
        avg_memory_mb: mean(rows.map(({ memory_usage_mb }) => memory_usage_mb)),
        total_cpu_time_ms: cpu.length === 0 ? null : big(sum(cpu)),
        last_execution: last,
      },
    ]
  })
  const total = (key: 'total_executions' | 'successful_executions' | 'failed_executions') =>
    summaries.reduce((all, row) => all + Number(row[key]), 0)
  const [successful, failed] = [total('successful_executions'), total('failed_executions')]
  return {
    total: [
      {
        tasks: big(summaries.length),
        executions: big(total('total_executions')),
        successful: big(successful),
        failed: big(failed),
        success_rate: rateOf(successful, successful + failed),
        executions_per_task: mean(summaries.map((row) => Number(row.total_executions))),
        cpu_time_ms: summaries.reduce((all, row) => all + (row.total_cpu_time_ms ?? 0n), 0n),
      },
    ],
    tasks: summaries
      .toSorted(
        by(
          (row) => ['down', row.total_executions],
          (row) => ['down', row.last_execution],
          (row) => ['up', row.task_id],
        ),
      )
      .slice(0, 25),
  }
}

const results = (rows: readonly Validation[], result: string) => rows.filter((row) => row.result === result).length

export function expectedValidation(raw: Raw, project: string | undefined, period: Period): ExpectedRows {
  const summaries = ofProject(raw.pullRequests, project).flatMap((pullRequest) => {
    const rows = raw.validations.filter(({ pr_id }) => pr_id === pullRequest.id)
    const last = latest(rows.map(({ completed_at, created_at }) => completed_at ?? created_at))
    if (last === null || !isWithin({ created_at: last }, period)) return []
    return [
      {
        pr_id: pullRequest.id,
        pr_number: pullRequest.pr_number,
        title: pullRequest.title,
        status: pullRequest.status,
        total_validations: big(rows.length),
        passed: big(results(rows, 'passed')),
        failed: big(results(rows, 'failed')),
        warnings: big(results(rows, 'warning')),
        skipped: big(results(rows, 'skipped')),
        average_score: mean(rows.map(({ score }) => score)),
        last_validation: last,
      },
    ]
  })
  const total = (key: 'total_validations' | 'passed' | 'failed' | 'warnings' | 'skipped') =>
    summaries.reduce((all, row) => all + row[key], 0n)
  return {
    total: [
      {
        pull_requests: big(summaries.length),
        validations: total('total_validations'),
        passed: total('passed'),
        failed: total('failed'),
        warnings: total('warnings'),
        skipped: total('skipped'),
        without_failure: big(summaries.filter(({ failed }) => failed === 0n).length),
      },
    ],
    pull_requests: summaries
      .toSorted(
        by(
          (row) => ['down', row.failed],
          (row) => ['up', row.average_score],
          (row) => ['down', row.last_validation],
          (row) => ['up', row.pr_id],
        ),
      )
      .slice(0, 25),
  }
}

/** In the order of the type's labels, as an enumeration sorts. */
const AGENTS = ['codegen', 'claude_code', 'webhook_orchestrator', 'task_manager']

export function expectedAgents(raw: Raw, project: string | undefined, period: Period): ExpectedRows {
  const tasks = new Set(ofProject(raw.tasks, project).map(({ id }) => id))
  const made = raw.executions.filter((row) => tasks.has(row.task_id) && isWithin(row, period))
  const agents = [...groupBy(made, ({ agent_type }) => agent_type)].map(([agent_type, rows]) => {
    const states = statuses(rows)
    const memory = known(rows.map(({ memory_usage_mb }) => memory_usage_mb))
    const cpu = known(rows.map(({ cpu_time_ms }) => cpu_time_ms))
    return {
      agent_type,
      executions: big(rows.length),
      tasks: big(new Set(rows.map(({ task_id }) => task_id)).size),
      completed: big(countOf(states, 'completed')),
      failed: big(countOf(states, 'failed')),
      timed_out: big(countOf(states, 'timeout')),
      cancelled: big(countOf(states, 'cancelled')),
      under_way: big(countOf(states, 'queued', 'running')),
      success_rate: rateOf(countOf(states, 'completed'), countOf(states, 'completed', 'failed', 'timeout')),
      avg_duration: mean(rows.map(durationOf)),
      p95_duration: percentile(0.95, rows.map(durationOf)),
      avg_memory_mb: mean(memory),
      max_memory_mb: memory.length === 0 ? null : Math.max(...memory),
      avg_cpu_time_ms: mean(cpu),
      total_cpu_time_ms: cpu.length === 0 ? null : big(sum(cpu)),
    }
  })
  const failed = made.filter(({ execution_status }) => ['failed', 'timeout'].includes(execution_status))
  const errors = [...groupBy(failed, ({ agent_type, error }) => `${agent_type}\0${error ?? 'unknown'}`)].map(
    ([key, rows]) => {
      const [agent_type = '', code = ''] = key.split('\0')
      return {
        agent_type,
        code,
        executions: big(rows.length),
        last_seen: latest(known(rows.map(({ completed_at }) => completed_at))),
      }
    },
  )
  return {
    agents: agents.toSorted(
      by(
        (row) => ['down', row.executions],
        (row) => ['up', AGENTS.indexOf(row.agent_type)],
      ),
    ),
    errors: errors
      .toSorted(
        by(
          (row) => ['down', row.executions],
          (row) => ['up', AGENTS.indexOf(row.agent_type)],
          (row) => ['up', row.code],
        ),
      )
      .slice(0, 20),
  }
}

function cycle(rows: readonly PullRequest[]) {
  const times = rows.map(({ created_at, merged_at }) => secondsBetween(created_at, merged_at))
  return {
    pull_requests: big(rows.length),
    merged: big(countOf(rows, 'merged')),
    closed: big(countOf(rows, 'closed')),
    failed_validation: big(countOf(rows, 'failed_validation')),
    under_way: big(countOf(rows, 'draft', 'open', 'review_requested', 'approved')),
    merge_rate: rateOf(countOf(rows, 'merged'), countOf(rows, 'merged', 'closed')),
    avg_merge_seconds: mean(times),
    p50_merge_seconds: percentile(0.5, times),
    p95_merge_seconds: percentile(0.95, times),
  }
}

export function expectedCycle(raw: Raw, project: string | undefined, period: Period): ExpectedRows {
  const own = ofProject(raw.pullRequests, project)
  const made = own.filter((row) => isWithin(row, period))
  const ids = new Set(own.map(({ id }) => id))
  const validated = raw.validations.filter((row) => ids.has(row.pr_id ?? '') && isWithin(row, period))
  const projects = [...groupBy(made, ({ project_id }) => project_id)].map(([project_id, rows]) => ({
    project_id,
    name: nameOf(raw.projects, project_id),
    ...cycle(rows),
  }))
  const validations = [...groupBy(validated, ({ validation_type }) => validation_type)].map(
    ([validation_type, rows]) => ({
      validation_type,
      validations: big(rows.length),
      passed: big(results(rows, 'passed')),
      failed: big(results(rows, 'failed')),
      warnings: big(results(rows, 'warning')),
      skipped: big(results(rows, 'skipped')),
      pass_rate: rateOf(results(rows, 'passed'), results(rows, 'passed') + results(rows, 'failed')),
      avg_score: mean(rows.map(({ score }) => score)),
      p50_execution_time_ms: percentile(
        0.5,
        rows.map(({ execution_time_ms }) => execution_time_ms),
      ),
    }),
  )
  return {
    total: [cycle(made)],
    projects: projects.toSorted(
      by(
        (row) => ['down', row.pull_requests],
        (row) => ['up', row.name],
      ),
    ),
    validations: validations.toSorted(
      by(
        (row) => ['down', row.failed],
        (row) => ['down', row.validations],
        (row) => ['up', row.validation_type],
      ),
    ),
  }
}

/** What an event is about: the most particular of its ids. */
export function subjectOf({ pr_id, task_execution_id, task_id, project_id }: Event): string | null {
  return pr_id ?? task_execution_id ?? task_id ?? project_id
}

export function expectedTrail(raw: Raw, id: string): ExpectedRows {
  const naming = raw.events.filter((event) =>
    [event.pr_id, event.task_execution_id, event.task_id, event.project_id].includes(id),
  )
  const own = naming.filter((event) => subjectOf(event) === id)
  const others = naming.filter((event) => subjectOf(event) !== id)
  const related = [...groupBy(others, (event) => `${event.event_category}\0${event.event_type}`)].map(
    ([key, events]) => {
      const [event_category = '', event_type = ''] = key.split('\0')
      return {
        event_category,
        event_type,
        events: big(events.length),
        first_event: earliest(events.map(({ occurred_at }) => occurred_at)),
        last_event: latest(events.map(({ occurred_at }) => occurred_at)),
      }
    },
  )
  return {
    trail: own
      .toSorted(
        by(
          (event) => ['up', event.occurred_at],
          (event) => ['up', event.id],
        ),
      )
      .map((event) => ({ ...event, event_id: event.id, changes: changesOf(event) })),
    related: related.toSorted(
      by(
        (row) => ['down', row.events],
        (row) => ['up', row.event_category],
        (row) => ['up', row.event_type],
      ),
    ),
  }
}

function changesOf({ data }: Event): string | null {
  const { changed }: { changed?: Readonly<Record<string, { from: unknown; to: unknown }>> } = JSON.parse(data)
  const fields = Object.keys(changed ?? {}).sort()
  if (changed === undefined || fields.length === 0) return null
  const text = (value: unknown) =>
    value === null || value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value)
  return fields.map((field) => `${field}: ${text(changed[field]?.from)} → ${text(changed[field]?.to)}`).join(', ')
}
