/**
 * What the database refused, in the words of the declaration: a CHECK says what it means, a unique constraint names
 * the field another row already has, a foreign key the row that is not there.
 */
import { type Problem, RefusedError } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import type { Field } from '../model/field.ts'
import type { Values } from './input.ts'

/**
 * A refusal of the database as a problem of the input.
 *
 * @param values the row that was refused, for the names of missing parents
 * @returns undefined when the error is no constraint violation of this entity's table
 */
export function problemOf(entity: Entity, error: unknown, values: Values = {}): Problem | undefined {
  if (!(error instanceof RefusedError)) return undefined
  const { constraint, table } = error.details
  const columns = columnsOf(error)
  if (typeof table === 'string' && table !== entity.table) return undefined
  const fields = columns.filter((column) => Object.hasOwn(entity.fields, column))
  switch (error.code) {
    case 'check-violation': {
      const check = entity.checks.find(({ name }) => name === constraint)
      if (!check) return { reason: `the database refuses the row (constraint ${String(constraint)})` }
      // A predicate is about the fields; anything else is a sentence that stands by itself.
      const predicate = /^(must|is|are|has) /.test(check.says)
      return { ...(predicate ? { where: check.fields.join(', ') } : {}), reason: check.says }
    }
    case 'unique-violation': {
      const unique = entity.uniques.find(({ name }) => name === constraint)
      const index = entity.indexes.find(({ name }) => name === constraint)
      const names = unique?.fields ?? fields
      const alone = names.length === 1
      const taken = alone
        ? `is taken: another ${entity.name} has it already`
        : `are taken: another ${entity.name} has this combination already`
      return { ...(names.length === 0 ? {} : { where: names.join(', ') }), reason: index?.says ?? taken }
    }
    case 'foreign-key-violation': {
      const [key] = fields
      const field = key === undefined ? undefined : entity.fields[key]
      if (key === undefined) return { reason: 'what the row refers to does not exist' }
      // A trigger may guard a reference that is no foreign key, since it leads to one of several tables.
      return field?.reference
        ? missingParent(key, field, values[key])
        : { where: key, reason: `names ${String(values[key])}, which does not exist` }
    }
    case 'not-null-violation':
      return { ...(fields[0] === undefined ? {} : { where: fields[0] }), reason: 'must not be null' }
    default:
      return { ...(fields.length === 0 ? {} : { where: fields.join(', ') }), reason: lowered(error.message) }
  }
}

/** `organization o_x does not exist`, located at the field that names it. */
export function missingParent(key: string, field: Field, value: unknown): Problem {
  const id = value === '' ? 'with an empty id' : String(value)
  return { where: key, reason: `names ${field.reference?.entity ?? 'a row'} ${id}, which does not exist` }
}

/** Throws the error in the declaration's words where it is a constraint violation, else as it is. */
export function rethrow(entity: Entity, error: unknown, values?: Values): never {
  const problem = problemOf(entity, error, values)
  if (!problem || !(error instanceof RefusedError)) throw error
  throw new RefusedError({
    code: error.code,
    message: `${problem.where === undefined ? '' : `${problem.where} `}${problem.reason}`,
    hint: error.hint,
    details: error.details,
    cause: error.cause,
  })
}

/** True when the numbers of a series collided with another writer's (decision 22). */
export function isNumberTaken(entity: Entity, error: unknown): boolean {
  if (!(error instanceof RefusedError) || error.code !== 'unique-violation') return false
  const unique = entity.uniques.find(({ name }) => name === error.details.constraint)
  return unique?.fields.some((key) => entity.fields[key]?.numberedWithin !== undefined) ?? false
}

function columnsOf(error: RefusedError): string[] {
  const { columns } = error.details
  return Array.isArray(columns) ? columns.map(String) : []
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}
