/** A row as a text to edit: YAML of the fields that an update may set, each with its summary as a comment. */
import { LosslessNumber } from 'lossless-json'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { fieldOf } from './scope.ts'
import { settableFields } from './settable.ts'

/** Ending of the file that the editor opens. */
export const EDIT_EXTENSION = '.yaml'

/** Fields that can be edited as text: settable, and no secret. */
function editableFields(entity: Entity): string[] {
  return settableFields(entity, 'update').filter((key) => !fieldOf(entity, key).secret)
}

/** The text to edit, with the current values. */
export async function textToEdit(entity: Entity, values: Cells): Promise<string> {
  const { stringify } = await import('yaml')
  const heading = [
    `# ${entity.name} ${String(values[entity.primaryKey] ?? '')}`,
    '# Save to write the changes; a field that is removed stays as it is. Leave the text unchanged to change nothing.',
  ]
  const fields = editableFields(entity).map((key) => {
    const { summary, values: choices } = fieldOf(entity, key)
    const allowed = choices ? ` (${choices.join(', ')})` : ''
    return `# ${summary}${allowed}\n${stringify({ [key]: forYaml(values[key]) }, { lineWidth: 0 })}`
  })
  return `${heading.join('\n')}\n\n${fields.join('\n')}`
}

/**
 * Reads the edited text.
 *
 * @returns raw values by field, as from JSON
 * @throws RefusedError (exit 5) when it is not a YAML mapping
 */
export async function editedValues(text: string): Promise<Readonly<Record<string, unknown>>> {
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { intAsBigInt: true })
  const [error] = document.errors
  // The first line is the reason and the place; below it the parser draws the text.
  if (error) throw notReadable((error.message.split('\n', 1)[0] ?? 'not valid YAML').replace(/:$/, ''))
  const value: unknown = document.toJS()
  if (value === null || value === undefined) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw notReadable('it must be a mapping of fields to values')
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromYaml(member)]))
}

function notReadable(why: string): RefusedError {
  return new RefusedError({
    code: 'not-yaml',
    message: `The edited text cannot be read: ${why}`,
    hint: 'Write it as key: value, as it was given',
  })
}

/** Exact numbers become bigints where they are whole; YAML has no other exact form. */
function forYaml(value: unknown): unknown {
  if (value instanceof LosslessNumber) return /^-?\d+$/.test(value.value) ? BigInt(value.value) : Number(value.value)
  if (Array.isArray(value)) return value.map(forYaml)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, forYaml(member)]))
}

/** Whole numbers that fit become ordinary ones, as JSON has them. */
function fromYaml(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const ordinary = Number(value)
    return Number.isSafeInteger(ordinary) ? ordinary : new LosslessNumber(value.toString())
  }
  if (Array.isArray(value)) return value.map(fromYaml)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromYaml(member)]))
}
