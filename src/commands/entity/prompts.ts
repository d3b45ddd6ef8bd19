/** Asking for what is required and missing, on a terminal; every answer is checked as it is given. */
import type { InputReader } from '../../crud/input.ts'
import { UsageError } from '../../errors.ts'
import { type Entity, filledVia, requiredFields } from '../../model/entity.ts'
import type { Field } from '../../model/field.ts'
import type { Context } from '../command.ts'
import { flagOf } from './field-flags.ts'
import { type Given, sealerFor } from './raw-values.ts'

/**
 * Asks for required fields in declared order, but not for what a parent that is named gives.
 *
 * @returns raw values by field; none without a terminal, where what is missing becomes a problem
 * @throws UsageError (exit 2) when nothing but a secret is missing, and there is no terminal to ask on
 */
export async function promptForMissing(
  context: Context,
  entity: Entity,
  reader: InputReader,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, Given>> {
  const answers: Record<string, Given> = {}
  if (!context.ui.interactive) {
    const reading = reader.read(given, 'text')
    if (reading.problems.length === 0) {
      const missing = reader.missing(reading).flatMap(({ where }) => where ?? [])
      if (missing.length > 0 && missing.every((key) => entity.fields[key]?.sealed)) throw cannotAsk(entity, missing)
    }
    return answers
  }
  for (const key of requiredFields(entity)) {
    const field = entity.fields[key]
    if (!field || Object.hasOwn(given, key)) continue
    const parents = filledVia(entity, key)
    if (parents.some((via) => Object.hasOwn(given, via) || Object.hasOwn(answers, via))) continue
    answers[key] = await ask(context, key, field, reader)
  }
  return answers
}

/**
 * Asks for what an operation must be given and was not.
 *
 * @param takes the fields it takes
 * @returns raw values by field; none without a terminal, where what is missing becomes a problem
 * @throws UsageError (exit 2) for a secret that is missing where there is no terminal to ask on
 */
export async function promptForTaken(
  context: Context,
  entity: Entity,
  takes: Readonly<Record<string, 'required' | 'optional'>>,
  reader: InputReader,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, Given>> {
  const missing = Object.entries(takes).flatMap(([key, need]) =>
    need === 'required' && !Object.hasOwn(given, key) ? [key] : [],
  )
  const answers: Record<string, Given> = {}
  if (!context.ui.interactive) {
    const sealed = missing.filter((key) => entity.fields[key]?.sealed)
    if (sealed.length > 0) throw cannotAsk(entity, sealed)
    return answers
  }
  for (const key of missing) {
    const field = entity.fields[key]
    if (field) answers[key] = await ask(context, key, field, reader)
  }
  return answers
}

function cannotAsk(entity: Entity, keys: readonly string[]): UsageError {
  const names = keys.map((key) => entity.fields[key]?.sealed?.input ?? key)
  return new UsageError({
    code: 'secret-needed',
    message: `The ${names.join(' and the ')} must be given, and there is no terminal to ask on`,
    hint: `Give it with ${keys.map((key) => `${flagOf(entity, key)} <file|->`).join(' and ')}`,
  })
}

/** One field: a choice where there are choices, hidden where it is secret, text otherwise. */
export async function ask(context: Context, key: string, field: Field, reader: InputReader): Promise<Given> {
  const { ui } = context
  const question = `${(field.sealed?.input ?? key).replaceAll(/[_-]/g, ' ')} (${field.summary})`
  const choices = field.values ?? (field.kind === 'boolean' ? ['true', 'false'] : undefined)
  if (choices) {
    return ui.select(
      question,
      choices.map((value) => ({ value })),
    )
  }
  const whyNot = (answer: Given) => reader.read({ [key]: answer }, 'text').problems.map(({ reason }) => reason)
  if (field.secret) return askSecret(context, question, field, whyNot)
  return ui.input(question, {
    validate: (answer) => {
      const reasons = whyNot(answer)
      return reasons.length === 0 || `It ${reasons.join('; ')}`
    },
  })
}

/** Nobody sees what is typed, so a password, which cannot be looked up later, is typed twice. */
async function askSecret(
  context: Context,
  question: string,
  field: Field,
  whyNot: (answer: Given) => readonly string[],
): Promise<Given> {
  const { ui } = context
  // A key that is missing is missed before anything is typed.
  const sealer = await sealerFor(context, field)
  for (;;) {
    const text = await ui.secret(question)
    const answer = sealer(text)
    const reasons = whyNot(answer)
    if (reasons.length > 0) ui.warn(`It ${reasons.join('; ')}`)
    else if (field.sealed?.by !== 'bcrypt' || (await ui.secret(`${question}, once more`)) === text) return answer
    else ui.warn('The two are not the same; once more')
  }
}
