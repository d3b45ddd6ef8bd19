/** Asking for what is required and missing, on a terminal; every answer is checked as it is given. */
import type { InputReader } from '../../crud/input.ts'
import { type Entity, filledVia, requiredFields } from '../../model/entity.ts'
import type { Field } from '../../model/field.ts'
import type { Context } from '../command.ts'

/**
 * Asks for required fields in declared order, but not for what a parent that is named gives.
 *
 * @returns raw texts by field; none without a terminal, where what is missing becomes a problem
 */
export async function promptForMissing(
  context: Context,
  entity: Entity,
  reader: InputReader,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  if (!context.ui.interactive) return answers
  for (const key of requiredFields(entity)) {
    const field = entity.fields[key]
    if (!field || Object.hasOwn(given, key)) continue
    const parents = filledVia(entity, key)
    if (parents.some((via) => Object.hasOwn(given, via) || Object.hasOwn(answers, via))) continue
    answers[key] = await ask(context, key, field, reader)
  }
  return answers
}

/** One field: a choice where there are choices, hidden where it is secret, text otherwise. */
export async function ask({ ui }: Context, key: string, field: Field, reader: InputReader): Promise<string> {
  const question = `${key.replaceAll('_', ' ')} (${field.summary})`
  if (field.values)
    return ui.select(
      question,
      field.values.map((value) => ({ value })),
    )
  const whyNot = (answer: string) => reader.read({ [key]: answer }, 'text').problems.map(({ reason }) => reason)
  if (!field.secret) {
    return ui.input(question, {
      validate: (answer) => {
        const reasons = whyNot(answer)
        return reasons.length === 0 || `It ${reasons.join('; ')}`
      },
    })
  }
  for (;;) {
    const answer = await ui.secret(question)
    const reasons = whyNot(answer)
    if (reasons.length === 0) return answer
    ui.warn(`It ${reasons.join('; ')}`)
  }
}
