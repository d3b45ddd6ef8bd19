/** Executions, one a try, and what they logged. */
import { SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { everyTry } from './orders.ts'
import { FIRST_LINE, NUMBERS } from './tables.ts'
import type { Task } from './tasks.ts'
import type { Try, TryStatus } from './tries.ts'
import type { World } from './world.ts'

const EXIT: Readonly<Record<TryStatus, number | null>> = {
  running: null,
  completed: 0,
  failed: 1,
  timeout: 124,
  cancelled: 130,
}

/** Rows of `executions`. */
export function* executionRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const random = new Random(world.parameters.seed, 'executions')
  for (const { task, each, number } of everyTry(tasks)) {
    random.at(number)
    const began = timestampText(each.startedAt)
    const ended = each.endedAt === undefined ? null : timestampText(each.endedAt)
    const metrics = {
      tokens: random.between(8_000, 190_000),
      tool_calls: random.between(4, 120),
      files_changed: each.status === 'completed' ? random.between(1, 14) : 0,
    }
    yield [
      executionId(each, number),
      task.id,
      each.worker.id,
      each.status,
      EXIT[each.status],
      each.status === 'completed' ? `Pushed ${task.branch}\n` : null,
      each.error === null ? null : `error: ${each.error}\n`,
      each.endedAt === undefined ? '{}' : JSON.stringify(metrics),
      began,
      ended,
      began,
      ended ?? began,
    ]
  }
}

function executionId({ startedAt }: Try, number: number): string {
  return seedUuid(NUMBERS.executions, startedAt, number)
}

const REMARKS: readonly (readonly [level: string, text: string])[] = [
  ['DEBUG', 'Context holds {n} tokens'],
  ['INFO', 'Read {n} files'],
  ['INFO', 'Ran {n} tests'],
  ['DEBUG', 'Tool call took {n} ms'],
  ['WARNING', 'The model was asked again: its answer was no patch'],
  ['INFO', '{n} Zeilen geändert ✓'],
]
/** Lines that one try may have at most. */
const MOST_LINES = 16

/** Rows of `execution_logs`, in the order of time within each execution. */
export function* logRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const random = new Random(world.parameters.seed, 'execution logs')
  const { until } = world.parameters
  for (const { task, each, number } of everyTry(tasks)) {
    random.at(number)
    const end = each.endedAt ?? until - SECOND
    const id = executionId(each, number)
    const lines: [level: string, text: string, metadata: string][] = [
      ['INFO', `${each.worker.name} begins: ${task.title}`, JSON.stringify({ worker: each.worker.name })],
      ['INFO', `Checked out ${task.branch}`, '{}'],
    ]
    const remarks = random.between(1, 6)
    for (let count = 0; count < remarks; count++) {
      const [level, text] = random.pick(REMARKS)
      lines.push([level, text.replace('{n}', String(random.between(3, 4000))), '{}'])
    }
    const closing = lastLine(each)
    if (closing !== undefined) lines.push(closing)
    const step = Math.floor((end - each.startedAt) / Math.max(1, lines.length - 1))
    for (const [place, [level, text, metadata]] of lines.entries()) {
      const at = timestampText(each.startedAt + place * step)
      yield [FIRST_LINE + number * MOST_LINES + place, id, level, text, metadata, at, at, at]
    }
  }
}

function lastLine({ status, error }: Try): [string, string, string] | undefined {
  switch (status) {
    case 'running':
      return undefined
    case 'completed':
      return ['INFO', 'Done', '{"exit_code": 0}']
    case 'timeout':
      return ['CRITICAL', 'Stopped: the time was up', '{"exit_code": 124}']
    case 'cancelled':
      return ['WARNING', 'Stopped: the task was cancelled', '{"exit_code": 130}']
    case 'failed':
      return ['ERROR', error ?? 'Failed', '{"exit_code": 1}']
  }
}
