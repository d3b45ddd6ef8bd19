/** Log lines of tasks and steps. */
import { SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedId } from '../../src/seeds/ids.ts'
import type { Random } from '../../src/seeds/random.ts'
import type { Step } from './steps.ts'
import type { Task } from './tasks.ts'

/** Rows of `task_logs`: queued, started, ended. */
export function* taskLogRows(random: Random, tasks: readonly Task[]): Generator<SeedRow> {
  for (const task of tasks) {
    random.at(task.index)
    const worker = `{"worker": "worker-${1 + random.below(24)}"}`
    let number = 0
    const line = (level: string, message: string, metadata: string | null, at: number): SeedRow => [
      seedId('tl', at, task.index * 4 + number++),
      task.id,
      level,
      message,
      metadata,
      timestampText(at),
    ]
    if (task.status !== 'created') yield line('info', 'Task queued', null, task.createdAt)
    if (task.startedAt !== undefined) yield line('info', 'Task started', worker, task.startedAt)
    if (task.completedAt !== undefined) {
      const seconds = ((task.completedAt - task.createdAt) / SECOND).toFixed(1)
      const level = task.status === 'failed' ? 'error' : task.status === 'completed' ? 'info' : 'warning'
      const message = task.failure === null ? `Task ${task.status}` : `Task ${task.status}: ${task.failure}`
      yield line(level, message, `{"seconds": ${seconds}, "steps": ${task.steps.length}}`, task.completedAt)
    }
  }
}

const REMARKS = [
  'Page settled after {n} ms',
  'Scraped {n} elements',
  'Dismissed a cookie banner',
  'Prompt had {n} tokens',
  'Frame "checkout" has no access to its parent',
  'ページの読み込みに {n} ms かかりました',
]

/** Rows of `step_logs`: every failure and retry, and a remark for some of the others. */
export function* stepLogRows(random: Random, tasks: readonly Task[]): Generator<SeedRow> {
  for (const task of tasks) {
    for (const step of task.steps) {
      random.at(step.number)
      if (step.startedAt === undefined) continue
      if (step.status === 'failed' || step.status === 'retrying') {
        yield logRow(step, 0, 'error', step.failure ?? 'Step failed', step.completedAt ?? step.startedAt)
      } else if (step.retries > 0) {
        yield logRow(
          step,
          0,
          'warning',
          `Succeeded after ${step.retries} retries`,
          step.completedAt ?? step.startedAt,
        )
      }
      if (random.chance(0.45)) {
        const message = random.pick(REMARKS).replace('{n}', String(random.between(20, 4000)))
        yield logRow(step, 1, random.chance(0.3) ? 'debug' : 'info', message, step.startedAt)
      }
    }
  }
}

function logRow(step: Step, number: number, level: string, message: string, at: number): SeedRow {
  const metadata = level === 'error' ? `{"retry_index": ${step.retries}, "type": "${step.type}"}` : null
  return [seedId('sl', at, step.number * 2 + number), step.id, level, message, metadata, timestampText(at)]
}
