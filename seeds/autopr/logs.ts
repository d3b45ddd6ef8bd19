/** Log lines of executions: begun, each step with its end and now and then a remark, ended. */
import { SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import type { Execution } from './executions.ts'
import { NUMBERS } from './tables.ts'
import { REMARKS } from './words/failures.ts'
import type { World } from './world.ts'

/** Numbers that are kept for the lines of one execution. */
const LINES = 32

/** Rows of `execution_logs`. */
export function* logRows(world: World, executions: readonly Execution[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'logs')
  for (const execution of executions) yield* linesOf(execution, source.at(execution.index), world.parameters.until)
}

function* linesOf(execution: Execution, random: Random, until: number): Generator<SeedRow> {
  const { id, index, workflow, status, createdAt, startedAt, completedAt, lastStep, error } = execution
  let number = 0
  const line = (level: string, message: string, at: number, step = -1, metadata: object | null = null): SeedRow => {
    const action = workflow.actions[step]
    return [
      seedUuid(NUMBERS.logs, at, index * LINES + number++),
      id,
      level,
      message,
      metadata === null ? null : JSON.stringify(metadata),
      action?.id ?? null,
      action === undefined ? null : stepName(action.words.type, step),
      timestampText(at),
    ]
  }
  if (execution.parent !== null) {
    yield line('INFO', `Attempt ${execution.retries + 1}`, createdAt, -1, { parent: execution.parent })
  }
  if (startedAt !== undefined) {
    yield line('INFO', `Execution started: ${workflow.words.title}`, startedAt, -1, {
      worker: `runner-${1 + random.below(16)}`,
      queued_seconds: Math.round((startedAt - createdAt) / SECOND),
    })
  }
  const total = workflow.actions.reduce((sum, { words }) => sum + words.weight, 0)
  const from = startedAt ?? createdAt
  const span = (completedAt ?? until - SECOND) - from
  let at = from
  for (let step = 0; step <= lastStep; step++) {
    const words = workflow.actions[step]?.words
    if (words === undefined) break
    yield line('INFO', `${words.name} …`, at, step)
    const share = Math.floor((span * words.weight) / total)
    if (random.chance(0.5)) {
      const [level, text] = random.pick(REMARKS)
      const remark = text.replace('{n}', String(random.between(2, 900)))
      yield line(level, remark, at + Math.floor(share / 2), step)
    }
    at += share
    if (step < lastStep || status === 'completed') {
      yield line('INFO', `${words.name} done`, at, step, { seconds: Math.round(share / SECOND) })
    }
  }
  if (completedAt === undefined) return
  const { level, message } = closing(execution)
  yield line(level, message, completedAt, status === 'failed' ? lastStep : -1)
  // A deployment that failed half way leaves production in between two versions.
  if (error !== null && status === 'failed' && workflow.actions[lastStep]?.words.type === 'deploy') {
    yield line('CRITICAL', 'Rolled back to the version before', completedAt, lastStep, { automatic: true })
  }
}

function closing({ status, error }: Execution): { readonly level: string; readonly message: string } {
  if (status === 'completed') return { level: 'INFO', message: 'Execution completed' }
  if (status === 'cancelled') return { level: 'WARNING', message: error ?? 'Execution cancelled' }
  return { level: 'ERROR', message: error ?? 'Execution failed' }
}

function stepName(type: string, step: number): string {
  return `${step}_${type}`
}
