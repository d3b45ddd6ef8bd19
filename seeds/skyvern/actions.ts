/** Actions: what the agent did in each step, and why. */
import { timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { type Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import type { Random } from '../../src/seeds/random.ts'
import { actionCount, type Step, within } from './steps.ts'
import type { Task } from './tasks.ts'
import { type ActionWords, BY_STEP_TYPE, COMPLETE, TERMINATE } from './words/actions.ts'

const WORDS = new Map<string, Weighted<ActionWords>>(
  Object.entries(BY_STEP_TYPE).map(([type, words]) => [type, zipf(words)]),
)
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Rows of `actions`. */
export function* actionRows(random: Random, tasks: readonly Task[], until: number): Generator<SeedRow> {
  for (const task of tasks) {
    for (const step of task.steps) {
      const count = actionCount(step)
      const last = step.order === task.steps.length
      random.at(step.number)
      for (let index = 0; index < count; index++) {
        const words = last && index === count - 1 ? closing(task, step, random) : ordinary(step, random)
        yield actionRow(random, step, words, index, within(step, index, count, until))
      }
    }
  }
}

function ordinary(step: Step, random: Random): ActionWords {
  return WORDS.get(step.type)?.draw(random) ?? COMPLETE
}

function closing(task: Task, step: Step, random: Random): ActionWords {
  if (task.status === 'completed') return COMPLETE
  return task.status === 'terminated' ? TERMINATE : ordinary(step, random)
}

function actionRow(random: Random, step: Step, words: ActionWords, index: number, at: number): SeedRow {
  const label = random.pick(words.labels)
  const onPage = label === 'page' || label === 'address bar'
  return [
    seedId('act', at, step.number * 4 + index),
    step.id,
    words.type,
    random.chance(0.05) ? null : (100 - Math.floor(45 * random.fraction() * random.fraction())) / 100,
    onPage ? null : `AA${LETTERS[random.below(LETTERS.length)]}${LETTERS[random.below(LETTERS.length)]}`,
    words.texts ? random.pick(words.texts) : null,
    words.options ? random.pick(words.options) : null,
    words.files ? random.pick(words.files) : null,
    words.points ? `[${random.below(1920)}, ${random.below(1080)}]` : null,
    random.pick(words.reasons)(label),
    timestampText(at),
  ]
}
