/** What transitions and operations are given besides ids: fields of the row and inputs, as flags or answers. */
import type { Takes } from '../../crud/given.ts'
import type { Reading } from '../../crud/input.ts'
import type { Entity } from '../../model/entity.ts'
import type { Context, ParsedInput } from '../command.ts'
import type { Flags } from '../flags.ts'
import { flagOf, inputName, namedFieldFlags } from './field-flags.ts'
import { promptForTaken } from './prompts.ts'
import { rawTexts } from './raw-values.ts'

/** The entity as this operation sees it: with the fields that it takes, and its inputs beside them. */
function takenOf(entity: Entity, { takes = {}, inputs = {} }: Takes): Entity {
  const own = Object.entries(entity.fields).filter(([key]) => Object.hasOwn(takes, key))
  return { ...entity, fields: { ...Object.fromEntries(own), ...inputs } }
}

function needsOf({ takes = {}, inputs = {} }: Takes): Record<string, 'required' | 'optional'> {
  const needs = Object.entries(inputs).map(
    ([key, { nullable }]) => [key, nullable ? 'optional' : 'required'] as const,
  )
  return { ...takes, ...Object.fromEntries(needs) }
}

function requiredOf(declared: Takes): string[] {
  return Object.entries(needsOf(declared)).flatMap(([key, need]) => (need === 'required' ? [key] : []))
}

/** A flag for each of them. */
export function takenFlags(entity: Entity, declared: Takes): Flags {
  const keys = Object.keys(needsOf(declared))
  return namedFieldFlags(takenOf(entity, declared), keys, 'takes', requiredOf(declared))
}

/** The flags of those that must be given, with a placeholder, for examples. */
export function takenExample(entity: Entity, declared: Takes): string {
  const taken = takenOf(entity, declared)
  return requiredOf(declared)
    .map((key) => {
      const field = taken.fields[key]
      const value = field?.secret ? '<file>' : (field?.values?.[0] ?? (field?.reference ? '<id>' : "'…'"))
      return ` ${flagOf(taken, key)} ${value}`
    })
    .join('')
}

/** The input without what is taken, which would look like filters. */
export function withoutTaken(input: ParsedInput, declared: Takes): ParsedInput {
  const names = Object.keys(needsOf(declared)).map(inputName)
  return Object.fromEntries(Object.entries(input).filter(([key]) => !names.includes(key)))
}

/**
 * Reads what is taken; on a terminal, what is required and missing is asked for.
 *
 * @returns the values, and every problem with them
 */
export async function readTaken(
  context: Context,
  entity: Entity,
  declared: Takes,
  input: ParsedInput,
): Promise<Reading> {
  const { combined, inputReader, requiredReason } = await import('../../crud/input.ts')
  const taken = takenOf(entity, declared)
  const keys = Object.keys(needsOf(declared))
  const reader = await inputReader(taken, 'update', keys)
  const given = await rawTexts(context, taken, input, keys)
  const answers = await promptForTaken(context, taken, needsOf(declared), reader, given)
  const reading = combined(reader.read(given, 'text'), reader.read(answers, 'text'))
  const missing = requiredOf(declared).flatMap((key) => {
    const field = taken.fields[key]
    const isGiven = Object.hasOwn(given, key) || Object.hasOwn(answers, key)
    return isGiven || !field ? [] : [{ where: key, reason: requiredReason(field) }]
  })
  return { values: reading.values, problems: [...reading.problems, ...missing] }
}
