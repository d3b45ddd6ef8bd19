/** AgentVine's reports, computed once more over whole rows: slowly, plainly, and without SQL. */
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import type { ExpectedRows } from './compare.ts'
import { by, groupBy, micros, type Period, percentile, secondsBetween, shareOf } from './raw.ts'

interface WorkerRow {
  readonly id: string
  readonly name: string
  readonly worker_type: string
  readonly status: string
  readonly max_concurrent_tasks: number
  readonly draining_at: string | null
  readonly created_at: string
}

interface CapabilityRow {
  readonly worker_id: string
  readonly capability_name: string
  readonly capability_level: string
}

interface TaskRow {
  readonly id: string
  readonly title: string
  readonly task_type: string
  readonly priority: string
  readonly status: string
  readonly context: { readonly capabilities?: unknown }
  readonly created_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
  readonly deleted_at: string | null
}

interface OrderRow {
  readonly id: string
  readonly task_id: string
  readonly claimed_at: string | null
  readonly queue_name: string
  readonly status: string
  readonly retry_count: number
  readonly error_message: string | null
  readonly enqueued_at: string
  readonly completed_at: string | null
  readonly expires_at: string | null
}

interface AssignmentRow {
  readonly work_order_id: string
  readonly status: string
  readonly assigned_at: string
}

interface ExecutionRow {
  readonly task_id: string
  readonly worker_id: string | null
  readonly status: string
  readonly started_at: string
  readonly completed_at: string | null
}

export interface Raw {
  readonly workers: readonly WorkerRow[]
  readonly capabilities: readonly CapabilityRow[]
  readonly tasks: readonly TaskRow[]
  readonly orders: readonly OrderRow[]
  readonly assignments: readonly AssignmentRow[]
  readonly executions: readonly ExecutionRow[]
}

/** Every row of the tables, whole. */
export async function readRaw(db: Database): Promise<Raw> {
  const all = <T extends object>(table: string) => db.rows<T>(sql`SELECT * FROM ${identifier('agentvine', table)}`)
  return {
    workers: await all<WorkerRow>('workers'),
    capabilities: await all<CapabilityRow>('worker_capabilities'),
    tasks: await all<TaskRow>('tasks'),
    orders: await all<OrderRow>('work_orders'),
    assignments: await all<AssignmentRow>('worker_assignments'),
    executions: await all<ExecutionRow>('executions'),
  }
}

const big = (count: number) => BigInt(count)
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
const within = (time: string | null, { since, until }: Period) =>
  time !== null && micros(time) >= micros(since) && micros(time) < micros(until)
const mayClaim = ({ status, draining_at }: WorkerRow) => ['idle', 'busy'].includes(status) && draining_at === null

/** The period must lie in the past: what still runs counts up to its end. */
export function expectedUtilization(raw: Raw, { since, until }: Period): ExpectedRows {
  const [from, to] = [micros(since), micros(until)]
  const parts = raw.executions.flatMap((row) => {
    const start = micros(row.started_at)
    const end = row.completed_at === null ? to : micros(row.completed_at)
    if (start >= to || end <= from) return []
    const length = (end < to ? end : to) - (start > from ? start : from)
    return [{ ...row, seconds: Number(length) / 1e6 }]
  })
  const capacityOf = (worker: WorkerRow) => {
    const begin = micros(worker.created_at)
    const length = Number(to - (begin > from ? begin : from)) / 1e6
    return worker.max_concurrent_tasks * Math.max(0, length)
  }
  const busy = (rows: typeof parts) => sum(rows.map(({ seconds }) => seconds))
  const count = (status: string) => big(raw.workers.filter((worker) => worker.status === status).length)
  return {
    fleet: [
      {
        workers: big(raw.workers.length),
        idle: count('idle'),
        busy: count('busy'),
        offline: count('offline'),
        error: count('error'),
        draining: big(raw.workers.filter(({ draining_at }) => draining_at !== null).length),
        places: big(sum(raw.workers.filter(mayClaim).map(({ max_concurrent_tasks: places }) => places))),
        taken: big(raw.assignments.filter(({ status }) => status === 'active').length),
        executions: big(parts.length),
        busy_seconds: busy(parts),
        utilization: shareOf(
          busy(parts.filter(({ worker_id }) => worker_id !== null)),
          sum(raw.workers.map(capacityOf)),
        ),
      },
    ],
    workers: raw.workers
      .map((worker) => {
        const own = parts.filter(({ worker_id }) => worker_id === worker.id)
        return {
          worker_id: worker.id,
          worker: worker.name,
          worker_type: worker.worker_type,
          status: worker.status,
          places: worker.max_concurrent_tasks,
          executions: big(own.length),
          completed: big(own.filter(({ status }) => status === 'completed').length),
          failed: big(own.filter(({ status }) => status === 'failed' || status === 'timeout').length),
          busy_seconds: busy(own),
          utilization: shareOf(busy(own), capacityOf(worker)),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.utilization],
          (row) => ['up', row.worker],
          (row) => ['up', row.worker_id],
        ),
      ),
  }
}

export function expectedQueues(raw: Raw, period: Period): ExpectedRows {
  const end = micros(period.until)
  const open = raw.orders.filter(
    ({ status, enqueued_at }) => ['pending', 'claimed'].includes(status) && micros(enqueued_at) < end,
  )
  const came = raw.orders.filter(({ enqueued_at }) => within(enqueued_at, period))
  const waitOf = (order: OrderRow) => {
    const times = raw.assignments.filter(({ work_order_id }) => work_order_id === order.id)
    const first = times.map(({ assigned_at }) => assigned_at).toSorted()[0]
    return secondsBetween(order.enqueued_at, first ?? null)
  }
  return {
    queues: [...groupBy(open, ({ queue_name }) => queue_name)]
      .map(([queue_name, rows]) => {
        const pending = rows.filter(({ status }) => status === 'pending')
        const ages = pending.map(({ enqueued_at }) => secondsBetween(enqueued_at, period.until) ?? 0)
        return {
          queue_name,
          pending: big(pending.length),
          overdue: big(pending.filter(({ expires_at }) => expires_at !== null && micros(expires_at) <= end).length),
          retries: big(pending.filter(({ retry_count }) => retry_count > 0).length),
          claimed: big(rows.length - pending.length),
          oldest_pending_seconds: ages.length === 0 ? null : Math.max(...ages),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.pending],
          (row) => ['up', row.queue_name],
        ),
      ),
    waits: [...groupBy(came, ({ queue_name }) => queue_name)]
      .map(([queue_name, rows]) => {
        const waits = rows.map(waitOf)
        const known = waits.filter((wait) => wait !== null)
        const count = (state: string) => big(rows.filter(({ status }) => status === state).length)
        return {
          queue_name,
          orders: big(rows.length),
          claimed: big(known.length),
          completed: count('completed'),
          failed: count('failed'),
          expired: count('expired'),
          wait_p50_seconds: percentile(0.5, waits),
          wait_p95_seconds: percentile(0.95, waits),
          wait_max_seconds: known.length === 0 ? null : Math.max(...known),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.orders],
          (row) => ['up', row.queue_name],
        ),
      ),
  }
}

export function expectedTimes(raw: Raw, period: Period): ExpectedRows {
  const done = raw.tasks.filter(
    ({ status, deleted_at, completed_at }) =>
      status === 'completed' && deleted_at === null && within(completed_at, period),
  )
  const figures = (rows: readonly TaskRow[]) => {
    const lead = rows.map(({ created_at, completed_at }) => secondsBetween(created_at, completed_at))
    const cycle = rows.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at))
    return {
      completed: big(rows.length),
      started: big(cycle.filter((seconds) => seconds !== null).length),
      lead_p50_seconds: percentile(0.5, lead),
      lead_p95_seconds: percentile(0.95, lead),
      cycle_p50_seconds: percentile(0.5, cycle),
      cycle_p95_seconds: percentile(0.95, cycle),
    }
  }
  return {
    all: [figures(done)],
    types: [...groupBy(done, ({ task_type }) => task_type)]
      .map(([task_type, rows]) => ({ task_type, ...figures(rows) }))
      .toSorted(
        by(
          (row) => ['down', row.completed],
          (row) => ['up', row.task_type],
        ),
      ),
  }
}

export function expectedFailures(raw: Raw, period: Period): ExpectedRows {
  const typeOf = new Map(raw.tasks.map(({ id, task_type }) => [id, task_type]))
  const tries = raw.executions.filter(
    ({ status, completed_at }) => ['completed', 'failed', 'timeout'].includes(status) && within(completed_at, period),
  )
  const ended = raw.tasks.filter(
    ({ status, completed_at }) => ['completed', 'failed'].includes(status) && within(completed_at, period),
  )
  const types = new Set([...tries.map(({ task_id }) => typeOf.get(task_id) ?? ''), ...ended.map((t) => t.task_type)])
  const cancelled = new Set(
    raw.executions
      .filter(({ status }) => status === 'cancelled')
      .map(({ task_id, started_at }) => `${task_id} ${started_at}`),
  )
  const failed = raw.orders.filter(
    ({ status, completed_at, task_id, claimed_at }) =>
      status === 'failed' && within(completed_at, period) && !cancelled.has(`${task_id} ${claimed_at}`),
  )
  return {
    types: [...types]
      .map((task_type) => {
        const own = tries.filter(({ task_id }) => typeOf.get(task_id) === task_type)
        const of = (state: string) => own.filter(({ status }) => status === state).length
        const tasks = ended.filter((task) => task.task_type === task_type)
        const lost = tasks.filter(({ status }) => status === 'failed').length
        return {
          task_type,
          tries: big(own.length),
          failed_tries: big(of('failed')),
          timed_out_tries: big(of('timeout')),
          try_failure_rate: shareOf(of('failed') + of('timeout'), own.length),
          tasks: big(tasks.length),
          failed_tasks: big(lost),
          task_failure_rate: shareOf(lost, tasks.length),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.try_failure_rate],
          (row) => ['up', row.task_type],
        ),
      ),
    reasons: [...groupBy(failed, ({ error_message }) => error_message)]
      .flatMap(([error_message, rows]) => {
        if (error_message === null) return []
        const latest_at = rows
          .map(({ completed_at }) => completed_at ?? '')
          .toSorted()
          .at(-1)
        return [{ error_message, orders: big(rows.length), share: shareOf(rows.length, failed.length), latest_at }]
      })
      .toSorted(
        by(
          (row) => ['down', row.orders],
          (row) => ['up', row.error_message],
        ),
      )
      .slice(0, 10),
  }
}

export function expectedCoverage(raw: Raw): ExpectedRows {
  const queued = raw.tasks.filter(({ status, deleted_at }) => status === 'queued' && deleted_at === null)
  const asks = ({ context }: TaskRow): string[] =>
    Array.isArray(context.capabilities) ? [...new Set(context.capabilities.map(String))] : []
  const has = (name: string) => (worker: WorkerRow) =>
    raw.capabilities.some(({ worker_id, capability_name }) => worker_id === worker.id && capability_name === name)
  const types = new Set([...queued.map((task) => task.task_type), ...raw.workers.map((w) => w.worker_type)])
  const free = raw.workers.filter(mayClaim)
  const order = (task: TaskRow) => micros(task.created_at)
  return {
    types: [...types]
      .map((task_type) => {
        const own = raw.workers.filter(({ worker_type }) => worker_type === task_type)
        return {
          task_type,
          queued: big(queued.filter((task) => task.task_type === task_type).length),
          workers: big(own.length),
          available: big(own.filter(mayClaim).length),
          idle: big(own.filter((worker) => mayClaim(worker) && worker.status === 'idle').length),
        }
      })
      .toSorted(
        by(
          (row) => ['down', row.queued],
          (row) => ['up', row.task_type],
        ),
      ),
    capabilities: [...new Set(queued.flatMap(asks))]
      .map((capability) => ({
        capability,
        queued: big(queued.filter((task) => asks(task).includes(capability)).length),
        workers: big(raw.workers.filter(has(capability)).length),
        available: big(free.filter(has(capability)).length),
        experts: big(
          raw.capabilities.filter(
            ({ worker_id, capability_name, capability_level }) =>
              capability_name === capability &&
              ['advanced', 'expert'].includes(capability_level) &&
              free.some(({ id }) => id === worker_id),
          ).length,
        ),
      }))
      .toSorted(
        by(
          (row) => ['up', row.available],
          (row) => ['down', row.queued],
          (row) => ['up', row.capability],
        ),
      ),
    uncovered: queued
      .filter((task) => !free.some((worker) => asks(task).every((name) => has(name)(worker))))
      .toSorted((a, b) => Number(order(a) - order(b)) || (a.id < b.id ? -1 : 1))
      .slice(0, 50)
      .map((task) => ({
        task_id: task.id,
        title: task.title,
        task_type: task.task_type,
        priority: task.priority,
        capabilities: asks(task).length === 0 ? null : asks(task).toSorted().join(', '),
      })),
  }
}
