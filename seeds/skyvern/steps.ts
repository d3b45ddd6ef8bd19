/** Steps: the course of a task, one after the other, within its life. */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import type { Random } from '../../src/seeds/random.ts'
import type { Task, TaskStatus } from './tasks.ts'

export type StepType = 'navigation' | 'action' | 'extraction' | 'validation'
export type StepStatus = 'created' | 'running' | 'completed' | 'failed' | 'retrying' | 'skipped'

export interface Step {
  readonly id: string
  /** Unique among steps: the task's number times 16 plus the order. */
  readonly number: number
  readonly order: number
  readonly type: StepType
  readonly status: StepStatus
  readonly retries: number
  readonly failure: string | null
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
}

/** What a task has decided about its steps. */
export interface Course {
  readonly task: number
  /** When the first step may begin. */
  readonly from: number
  /** When everything must be over. */
  readonly limit: number
  readonly pace: number
  readonly count: number
  readonly status: TaskStatus
  readonly failure: string | null
  readonly extracts: boolean
  readonly maxRetries: number
}

/** Seconds that a step takes at pace 1. */
const DURATIONS: Readonly<Record<StepType, LongTail>> = {
  navigation: new LongTail(7, 0.6),
  action: new LongTail(12, 0.75),
  extraction: new LongTail(18, 0.7),
  validation: new LongTail(5, 0.5),
}
const MIDDLE = new Weighted<StepType>([
  ['action', 72],
  ['validation', 16],
  ['navigation', 12],
])

/** Steps of one task, in order. */
export function stepCourse(random: Random, course: Course): Step[] {
  const steps: Step[] = []
  let at = course.from
  for (let order = 1; order <= course.count; order++) {
    const last = order === course.count
    const type = typeOf(random, order, last, course)
    const status = statusOf(random, last, order, course)
    const retries = retriesOf(random, status, course)
    const createdAt = at
    // Retries repeat the work.
    const seconds = DURATIONS[type].draw(random) * course.pace * (1 + 0.7 * retries)
    const startedAt = createdAt + random.between(40_000, 400_000)
    const completedAt = startedAt + (status === 'skipped' ? 0 : Math.floor(seconds * SECOND))
    at = completedAt + random.between(100_000, 1_500_000)
    const open = status === 'running' || status === 'retrying'
    steps.push({
      id: '',
      number: course.task * 16 + order,
      order,
      type,
      status,
      retries,
      failure: failureOf(random, status, last, course),
      createdAt,
      startedAt,
      completedAt: open ? undefined : completedAt,
    })
  }
  // Behind the running step the next one may wait already.
  if (course.status === 'running' && course.count < 15 && course.task % 2 === 0) steps.push(next(course, at))
  return withIds(fitted(steps, course.from, course.limit))
}

function typeOf(random: Random, order: number, last: boolean, course: Course): StepType {
  if (order === 1) return 'navigation'
  if (last && course.status === 'completed') return course.extracts ? 'extraction' : 'validation'
  return MIDDLE.draw(random)
}

function statusOf(random: Random, last: boolean, order: number, course: Course): StepStatus {
  if (!last) return order > 1 && random.chance(0.02) ? 'skipped' : 'completed'
  if (course.status === 'completed') return 'completed'
  if (course.status === 'running') return course.task % 3 === 0 ? 'retrying' : 'running'
  // A cancelled task leaves the step that it was about to do.
  return course.status === 'cancelled' ? 'skipped' : 'failed'
}

function retriesOf(random: Random, status: StepStatus, course: Course): number {
  if (status === 'retrying') return Math.max(1, random.between(1, course.maxRetries))
  if (status === 'failed') return random.chance(0.5) ? course.maxRetries : 0
  return status === 'completed' && random.chance(0.07) ? random.between(1, Math.max(1, course.maxRetries)) : 0
}

function failureOf(random: Random, status: StepStatus, last: boolean, course: Course): string | null {
  if (status === 'retrying') return 'Element was not interactable; trying again'
  if (status !== 'failed' || !last) return null
  return random.chance(0.9) ? course.failure : null
}

function next(course: Course, at: number): Step {
  const order = course.count + 1
  return {
    id: '',
    number: course.task * 16 + order,
    order,
    type: 'action',
    status: 'created',
    retries: 0,
    failure: null,
    createdAt: at,
    startedAt: undefined,
    completedAt: undefined,
  }
}

/** Draws the course together where it would go on after the limit. */
function fitted(steps: Step[], from: number, limit: number): Step[] {
  const last = steps.at(-1)
  const end = last?.completedAt ?? last?.startedAt ?? last?.createdAt ?? from
  if (end <= limit) return steps
  const ratio = (limit - from) / (end - from)
  const moved = (time: number) => from + Math.floor((time - from) * ratio)
  return steps.map((step) => ({
    ...step,
    createdAt: moved(step.createdAt),
    startedAt: step.startedAt === undefined ? undefined : moved(step.startedAt),
    completedAt: step.completedAt === undefined ? undefined : moved(step.completedAt),
  }))
}

function withIds(steps: Step[]): Step[] {
  return steps.map((step) => ({ ...step, id: seedId('stp', step.createdAt, step.number) }))
}

/** Rows of `steps`. */
export function* stepRows(random: Random, tasks: readonly Task[]): Generator<SeedRow> {
  for (const task of tasks) {
    for (const step of task.steps) {
      random.at(step.number)
      const achieved = task.status === 'completed' && step.order === task.steps.length
      yield [
        step.id,
        task.id,
        step.status,
        step.order,
        step.retries,
        step.type,
        `{"page": ${step.order}, "elements": ${random.between(12, 900)}}`,
        step.status === 'completed' ? output(task, step, achieved, random) : null,
        step.status === 'completed' ? achieved : step.status === 'failed' ? false : null,
        step.type === 'extraction' ? 'extracted_information' : null,
        step.failure,
        timestampText(step.createdAt),
        timestampText(step.completedAt ?? step.startedAt ?? step.createdAt),
        step.startedAt === undefined ? null : timestampText(step.startedAt),
        step.completedAt === undefined ? null : timestampText(step.completedAt),
      ]
    }
  }
}

function output(task: Task, step: Step, achieved: boolean, random: Random): string {
  if (step.type === 'extraction' && task.extracted !== null && achieved) return task.extracted
  return `{"actions": ${actionCount(step)}, "page_changed": ${random.chance(0.6)}, "tokens": ${random.between(400, 6000)}}`
}

/** How many actions a step has, two or three for most; the same wherever it is asked. */
export function actionCount(step: Step): number {
  if (step.status === 'created' || step.status === 'skipped') return 0
  const spread = step.number % 7
  return spread === 0 ? 1 : spread === 1 ? 4 : spread < 5 ? 2 : 3
}

/** Time of the item at `index` of `count` within a step; what is still running counts as a minute at most. */
export function within(step: Step, index: number, count: number, until: number): number {
  const from = step.startedAt ?? step.createdAt
  const to = step.completedAt ?? Math.min(from + MINUTE, until - 1)
  return from + Math.floor(((to - from) * (index + 1)) / (count + 1))
}
