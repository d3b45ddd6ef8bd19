/**
 * Agensium's reports computed over again in TypeScript, from whole rows. Nothing is shared with the SQL.
 */
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import type { ExpectedRows } from './compare.ts'
import {
  by,
  countOf,
  daysOf,
  earliest,
  groupBy,
  isWithin,
  latest,
  mean,
  micros,
  type Period,
  percentile,
  secondsBetween,
  shareOf,
} from './raw.ts'

interface UserRow {
  readonly id: number
  readonly email: string
}
interface WalletRow {
  readonly user_id: number
  readonly balance_credits: bigint
}
interface AgentRow {
  readonly agent_id: string
  readonly cost_credits: bigint
}
export interface TaskRow {
  readonly task_id: string
  readonly user_id: number
  readonly tool_id: string
  readonly agents: readonly string[]
  readonly status: string
  readonly progress: number
  readonly current_agent: string | null
  readonly error_code: string | null
  readonly error_message: string | null
  readonly created_at: string
  readonly upload_started_at: string | null
  readonly queued_at: string | null
  readonly processing_started_at: string | null
  readonly completed_at: string | null
  readonly failed_at: string | null
  readonly cancelled_at: string | null
  readonly expired_at: string | null
  readonly inputs_cleaned_at: string | null
  readonly outputs_cleaned_at: string | null
}
export interface EntryRow {
  readonly user_id: number
  readonly delta_credits: bigint
  readonly type: string
  readonly agent_id: string | null
  readonly tool_id: string | null
  readonly analysis_id: string | null
  readonly stripe_charge_id: string | null
  readonly created_at: string
}
interface EventRow {
  readonly type: string
  readonly processed_at: string | null
  readonly error: string | null
  readonly created_at: string
}

export interface Raw {
  readonly users: readonly UserRow[]
  readonly wallets: readonly WalletRow[]
  readonly agents: readonly AgentRow[]
  readonly tasks: readonly TaskRow[]
  readonly entries: readonly EntryRow[]
  readonly events: readonly EventRow[]
}

/** Every row of the tables, whole. */
export async function readRaw(db: Database): Promise<Raw> {
  const all = <T extends object>(table: string) => db.rows<T>(sql`SELECT * FROM ${identifier('agensium', table)}`)
  return {
    users: await all<UserRow>('users'),
    wallets: await all<WalletRow>('credit_wallets'),
    agents: await all<AgentRow>('agent_costs'),
    tasks: await all<TaskRow>('tasks'),
    entries: await all<EntryRow>('credit_transactions'),
    events: await all<EventRow>('stripe_webhook_events'),
  }
}

const big = (count: number): bigint => BigInt(count)
const total = (entries: readonly EntryRow[]): bigint => entries.reduce((sum, row) => sum + row.delta_credits, 0n)
/** Sums of bigint are numeric, which is held as text. */
const sumOf = (entries: readonly EntryRow[], ...types: readonly string[]): string =>
  String(total(entries.filter(({ type }) => types.includes(type))))
const spentOf = (entries: readonly EntryRow[], ...types: readonly string[]): string =>
  String(-total(entries.filter(({ type }) => types.includes(type))))
const distinct = (values: readonly unknown[]): bigint => big(new Set(values.filter((value) => value !== null)).size)

function ofUser<T extends { readonly user_id: number; readonly created_at: string }>(
  rows: readonly T[],
  user: number | undefined,
  period: Period,
): T[] {
  return rows.filter((row) => isWithin(row, period) && (user === undefined || row.user_id === user))
}

export function expectedCredits(raw: Raw, user: number | undefined, period: Period): ExpectedRows {
  const entries = ofUser(raw.entries, user, period)
  const used = entries.filter(({ type }) => type === 'CONSUME' || type === 'REFUND')
  const moved = (group: readonly EntryRow[]) => ({
    purchased: sumOf(group, 'PURCHASE'),
    granted: sumOf(group, 'GRANT'),
    consumed: spentOf(group, 'CONSUME'),
    refunded: sumOf(group, 'REFUND'),
    adjusted: sumOf(group, 'ADJUSTMENT'),
  })
  const earned = (group: readonly EntryRow[]) => ({
    consumed: spentOf(group, 'CONSUME'),
    refunded: sumOf(group, 'REFUND'),
    net: spentOf(group, 'CONSUME', 'REFUND'),
  })
  return {
    summary: [
      {
        transactions: big(entries.length),
        users: distinct(entries.map(({ user_id }) => user_id)),
        ...moved(entries),
        net: String(total(entries)),
      },
    ],
    users: [...groupBy(entries, ({ user_id }) => user_id)]
      .map(([id, group]) => ({
        user_id: id,
        email: raw.users.find((one) => one.id === id)?.email,
        ...moved(group),
        balance_credits: raw.wallets.find(({ user_id }) => user_id === id)?.balance_credits ?? null,
      }))
      .toSorted(
        by(
          (row) => ['down', BigInt(row.consumed)],
          (row) => ['up', row.user_id],
        ),
      )
      .slice(0, 20),
    tools: [...groupBy(used, ({ tool_id }) => tool_id)]
      .map(([tool, group]) => ({
        tool_id: tool,
        analyses: distinct(group.map(({ analysis_id }) => analysis_id)),
        ...earned(group),
      }))
      .toSorted(
        by(
          (row) => ['down', BigInt(row.consumed)],
          (row) => ['up', row.tool_id],
        ),
      ),
    agents: [...groupBy(used, ({ agent_id }) => agent_id)]
      .map(([agent, group]) => ({
        agent_id: agent,
        runs: big(group.filter(({ type }) => type === 'CONSUME').length),
        ...earned(group),
        cost_credits: raw.agents.find(({ agent_id }) => agent_id === agent)?.cost_credits ?? null,
      }))
      .toSorted(
        by(
          (row) => ['down', BigInt(row.consumed)],
          (row) => ['up', row.agent_id],
        ),
      ),
  }
}

export function expectedPurchases(raw: Raw, user: number | undefined, period: Period): ExpectedRows {
  const entries = ofUser(raw.entries, user, period)
  const bought = entries.filter(({ type }) => type === 'PURCHASE')
  const takenBack = entries.filter(({ type, stripe_charge_id: id }) => type === 'ADJUSTMENT' && id !== null)
  const events = raw.events.filter((event) => isWithin(event, period))
  const failed = events.filter(({ error }) => error !== null)
  return {
    summary: [
      {
        purchases: big(bought.length),
        buyers: distinct(bought.map(({ user_id }) => user_id)),
        credits: String(total(bought)),
        avg_credits: mean(bought.map(({ delta_credits }) => Number(delta_credits))),
        taken_back: String(-total(takenBack)),
        last_purchase: latest(bought.map(({ created_at }) => created_at)),
      },
    ],
    daily: daysOf(period).map((date) => {
      const ofDay = bought.filter(({ created_at }) => created_at.startsWith(date))
      return {
        date,
        purchases: big(ofDay.length),
        buyers: distinct(ofDay.map(({ user_id }) => user_id)),
        credits: String(total(ofDay)),
      }
    }),
    events: [...groupBy(events, ({ type }) => type)]
      .map(([type, group]) => ({
        type,
        events: big(group.length),
        processed: big(group.filter(({ processed_at }) => processed_at !== null).length),
        failed: big(group.filter(({ processed_at, error }) => processed_at === null && error !== null).length),
        waiting: big(group.filter(({ processed_at, error }) => processed_at === null && error === null).length),
      }))
      .toSorted(
        by(
          (row) => ['down', row.events],
          (row) => ['up', row.type],
        ),
      ),
    failures: [...groupBy(failed, ({ error }) => error)]
      .map(([error, group]) => ({
        error,
        events: big(group.length),
        last_seen: latest(group.map(({ created_at }) => created_at)),
      }))
      .toSorted(
        by(
          (row) => ['down', row.events],
          (row) => ['up', row.error],
        ),
      )
      .slice(0, 10),
  }
}

export function expectedFunnel(raw: Raw, user: number | undefined, period: Period): ExpectedRows {
  const tasks = ofUser(raw.tasks, user, period)
  const reached: readonly (readonly [string, number])[] = [
    ['created', tasks.length],
    ['upload started', tasks.filter((task) => task.upload_started_at !== null).length],
    ['uploaded', tasks.filter((task) => task.queued_at !== null || task.processing_started_at !== null).length],
    ['processing', tasks.filter((task) => task.processing_started_at !== null).length],
    ['completed', tasks.filter((task) => task.completed_at !== null).length],
  ]
  const lasted: readonly (readonly [string, (task: TaskRow) => number | null])[] = [
    ['until the upload starts', (task) => secondsBetween(task.created_at, task.upload_started_at)],
    ['upload', (task) => secondsBetween(task.upload_started_at, task.queued_at)],
    ['in the queue', (task) => secondsBetween(task.queued_at, task.processing_started_at)],
    ['processing', (task) => secondsBetween(task.processing_started_at, task.completed_at)],
    ['all of it', (task) => secondsBetween(task.created_at, task.completed_at)],
  ]
  const failed = tasks.filter(({ status }) => status === 'FAILED')
  return {
    stages: reached.map(([stage, count], place) => ({
      stage,
      tasks: big(count),
      of_created: shareOf(count, tasks.length),
      of_previous: shareOf(count, reached[Math.max(0, place - 1)]?.[1] ?? 0),
    })),
    durations: lasted.map(([stage, duration]) => {
      const seconds = tasks.map(duration)
      return {
        stage,
        tasks: big(seconds.filter((value) => value !== null).length),
        p50_seconds: percentile(0.5, seconds),
        p95_seconds: percentile(0.95, seconds),
      }
    }),
    outcomes: [...groupBy(tasks, ({ status }) => status)]
      .map(([status, group]) => ({ status, tasks: big(group.length), share: shareOf(group.length, tasks.length) }))
      .toSorted(
        by(
          (row) => ['down', row.tasks],
          (row) => ['up', row.status],
        ),
      ),
    tools: [...groupBy(tasks, ({ tool_id }) => tool_id)]
      .map(([tool, group]) => {
        const seconds = group.map((task) => secondsBetween(task.created_at, task.completed_at))
        const completed = group.filter((task) => task.completed_at !== null).length
        return {
          tool_id: tool,
          tasks: big(group.length),
          completed: big(completed),
          conversion: shareOf(completed, group.length),
          p50_seconds: percentile(0.5, seconds),
          p95_seconds: percentile(0.95, seconds),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.tasks],
          (row) => ['up', row.tool_id],
        ),
      ),
    errors: [...groupBy(failed, ({ error_code }) => error_code)]
      .map(([code, group]) => ({
        error_code: code,
        tasks: big(group.length),
        share: shareOf(group.length, failed.length),
      }))
      .toSorted(
        by(
          (row) => ['down', row.tasks],
          (row) => ['up', row.error_code],
        ),
      )
      .slice(0, 10),
  }
}

const ENDS = ['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED']
const DAY = 86_400_000_000n

/** @param now microseconds; no row's time comes so near to it that the moment of asking matters */
export function expectedFilesDue(raw: Raw, now: bigint, first: number): ExpectedRows {
  const ended = raw.tasks.flatMap((task) => {
    const at = task.completed_at ?? task.failed_at ?? task.cancelled_at ?? task.expired_at
    return countOf([task], ...ENDS) === 1 && at !== null ? [{ task, at }] : []
  })
  const rules = [
    { rule: 'input-files', kept: 7, what: 'inputs', cleaned: (task: TaskRow) => task.inputs_cleaned_at },
    { rule: 'output-files', kept: 30, what: 'outputs', cleaned: (task: TaskRow) => task.outputs_cleaned_at },
  ].map((rule) => ({
    ...rule,
    due: ended.filter(({ task, at }) => rule.cleaned(task) === null && micros(at) + BigInt(rule.kept) * DAY < now),
  }))
  return {
    rules: rules.map(({ rule, kept, due }) => ({
      rule,
      kept_for: `${kept} days`,
      tasks: big(due.length),
      oldest: earliest(due.map(({ at }) => at)),
    })),
    due: rules
      .flatMap(({ rule, kept, what, due }) =>
        due.map(({ task, at }) => ({
          rule,
          task_id: task.task_id,
          user_id: task.user_id,
          status: task.status,
          ended_at: at,
          due_since: instant(micros(at) + BigInt(kept) * DAY),
          prefix: `users/${task.user_id}/tasks/${task.task_id}/${what}/`,
        })),
      )
      .toSorted(
        by(
          (row) => ['up', row.due_since],
          (row) => ['up', row.prefix],
        ),
      )
      .slice(0, first),
  }
}

function instant(at: bigint): string {
  const second = new Date(Number(at / 1_000_000n) * 1000).toISOString().slice(0, 19)
  return `${second}.${String(at % 1_000_000n).padStart(6, '0')}Z`
}

export function expectedUnmatched(raw: Raw): ExpectedRows {
  const tasks = new Map(raw.tasks.map((task) => [task.task_id, task]))
  const named = raw.entries.flatMap((entry) =>
    entry.analysis_id === null ? [] : [{ ...entry, id: entry.analysis_id }],
  )
  const unmatched = named.filter(({ id }) => !tasks.has(id))
  return {
    summary: [
      {
        transactions: big(named.length),
        matched: big(named.length - unmatched.length),
        unmatched: big(unmatched.length),
        unmatched_ids: distinct(unmatched.map(({ id }) => id)),
        unmatched_credits: String(total(unmatched)),
        of_other_users: big(
          named.filter(({ id, user_id }) => (tasks.get(id)?.user_id ?? user_id) !== user_id).length,
        ),
      },
    ],
    analyses: [...groupBy(unmatched, ({ id }) => id)]
      .map(([id, group]) => ({
        analysis_id: id,
        transactions: big(group.length),
        users: distinct(group.map(({ user_id }) => user_id)),
        credits: String(total(group)),
        first_at: earliest(group.map(({ created_at }) => created_at)),
        last_at: latest(group.map(({ created_at }) => created_at)),
      }))
      .toSorted(
        by(
          (row) => ['down', row.last_at],
          (row) => ['up', row.analysis_id],
        ),
      )
      .slice(0, 100),
  }
}

export function expectedProgress(raw: Raw, task: TaskRow): ExpectedRows {
  const booked = raw.entries.filter(({ analysis_id }) => analysis_id === task.task_id)
  const current = task.current_agent === null ? -1 : task.agents.indexOf(task.current_agent)
  const done = task.status === 'COMPLETED' ? task.agents.length : Math.max(current, 0)
  return {
    summary: [
      {
        task_id: task.task_id,
        tool_id: task.tool_id,
        status: task.status,
        progress: task.progress,
        current_agent: task.current_agent,
        agents_total: big(task.agents.length),
        agents_completed: big(done),
        credits: String(-total(booked)),
        error_code: task.error_code,
        error_message: task.error_message,
      },
    ],
    agents: task.agents.map((agent, place) => ({
      place: big(place + 1),
      agent_id: agent,
      state:
        place < done
          ? 'done'
          : place > done || current < 0
            ? 'waiting'
            : task.status === 'PROCESSING'
              ? 'working'
              : 'stopped',
      credits: String(-total(booked.filter(({ agent_id }) => agent_id === agent))),
    })),
  }
}
