/** Flags made from fields: how values of a row are given on the command line. */
import type { Entity } from '../../model/entity.ts'
import { type Field, isSettableAt } from '../../model/field.ts'
import type { ParsedInput } from '../command.ts'
import { type Flag, type Flags, list, text, texts } from '../flags.ts'

const GROUP = 'Fields:'

const METAVARS: Readonly<Partial<Record<Field['kind'], string>>> = {
  integer: '<n>',
  bigint: '<n>',
  float: '<number>',
  numeric: '<number>',
  boolean: '<true|false>',
  timestamp: '<time>',
  date: '<date>',
  json: '<json|@file>',
  uuid: '<uuid>',
  textArray: '<a,b,…>',
}

/**
 * A flag for each field that the verb may set. Values stay as typed: they are read with all the others of the input, so
 * that every problem of a row is reported at once. Secret fields get `--<field>-file`, since arguments are seen by
 * everyone on the machine.
 */
export function fieldFlags(entity: Entity, purpose: 'create' | 'update'): Flags {
  return namedFieldFlags(
    entity,
    Object.keys(entity.fields).filter((key) => isOpen(entity, key, purpose)),
    purpose,
  )
}

/** Flags of chosen fields. @param required names that the summary marks as required */
export function namedFieldFlags(
  entity: Entity,
  keys: readonly string[],
  purpose: 'create' | 'update' | 'takes',
  required: readonly string[] = [],
): Flags {
  return Object.fromEntries(
    keys.flatMap((key): [string, Flag][] => {
      const field = entity.fields[key]
      if (!field) return []
      const must = required.includes(key) || (purpose === 'create' && isRequired(field)) ? ', required' : ''
      const summary = `${field.summary}${describes(field)}${must}`
      if (field.secret) {
        return [[`${key}_file`, text('<file|->', `${summary}; read from a file or stdin`, { group: GROUP })]]
      }
      const metavar = field.values ? `<${field.values.join('|')}>` : (METAVARS[field.kind] ?? '<text>')
      const flag = text(metavar, summary, { group: GROUP })
      return [[key, field.values ? { ...flag, choices: field.values } : flag]]
    }),
  )
}

/** `--set` and `--clear`: any field by name. */
export const assignmentFlags = {
  set: texts('<field=value>', 'set any field by its name; may be repeated', { group: GROUP }),
}

export const clearFlag = list('<fields>', 'set fields to NULL', { group: GROUP })

/** Whether the field must be given at creation. */
export function isRequired(field: Field): boolean {
  return (
    isSettableAt(field, 'create') &&
    !field.nullable &&
    field.default === undefined &&
    field.numberedWithin === undefined
  )
}

/** The fields given by their flags, as raw texts by key. */
export function givenFields(entity: Entity, input: ParsedInput): Record<string, string> {
  return Object.fromEntries(
    Object.keys(entity.fields).flatMap((key) => {
      const value = input[key]
      return typeof value === 'string' ? [[key, value]] : []
    }),
  )
}

/** The files of secret fields, by key. */
export function secretFiles(entity: Entity, input: ParsedInput): Record<string, string> {
  return Object.fromEntries(
    Object.keys(entity.fields).flatMap((key) => {
      const value = entity.fields[key]?.secret ? input[`${key}_file`] : undefined
      return typeof value === 'string' ? [[key, value]] : []
    }),
  )
}

function isOpen(entity: Entity, key: string, purpose: 'create' | 'update'): boolean {
  const field = entity.fields[key]
  return field !== undefined && isSettableAt(field, purpose)
}

function describes({ rules }: Field): string {
  const words = rules.map((rule) => rule.describes)
  return words.length === 0 ? '' : `: ${words.join(', ')}`
}
