/** Flags made from fields: how values of a row are given on the command line. */
import { InvalidValue } from '../../errors.ts'
import { type Entity, filledVia, requiredFields } from '../../model/entity.ts'
import { type Field, isSettableAt } from '../../model/field.ts'
import { email, httpUrl } from '../../model/rule.ts'
import type { System } from '../../model/system.ts'
import type { ParsedInput } from '../command.ts'
import { type Flag, type Flags, list, text, texts } from '../flags.ts'
import { exampleId, spoken } from './entity-scope.ts'
import { secondName } from './second-name.ts'

const GROUP = 'Fields:'

/**
 * Flags and arguments of the verbs that take fields. A field of such a name is given as `--field-<name>`, with every
 * verb alike, so that neither hides the other.
 */
const TAKEN = new Set([
  'after',
  'all',
  'allow_private',
  'batch_size',
  'check_url',
  'clear',
  'contains',
  'deleted',
  'dry_run',
  'edit',
  'file',
  'filter',
  'format',
  'from',
  'id',
  'ignore',
  'include',
  'keep_going',
  'limit',
  'max_rows',
  'out',
  'purge',
  'query',
  'rejects',
  'retire_previous',
  'search',
  'set',
  'since',
  'sort',
  'tag',
  'until',
])

/** The input under which a field is given: its own name, unless that means something else to the verbs. */
export function inputName(key: string): string {
  return TAKEN.has(key) ? `field_${key}` : key
}

/** The flag of a field, ready to be typed: `--organization-id`, `--otp-code-file` for a secret one. */
export function flagOf({ fields }: Entity, key: string): string {
  const field = fields[key]
  return `--${(field?.secret ? fileName(key, field) : inputName(key)).replaceAll('_', '-')}`
}

/** The input that names the file of a secret field; a sealed one goes by what a person calls it. */
function fileName(key: string, field: Field): string {
  return `${field.sealed ? field.sealed.input.replaceAll(/[ -]/g, '_') : key}_file`
}

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
 * that every problem of a row is reported at once. Secret fields get `--<field>-file` (sealed ones `--<input>-file`),
 * since arguments are seen by everyone on the machine.
 */
export function fieldFlags(entity: Entity, purpose: 'create' | 'update'): Flags {
  const keys = Object.keys(entity.fields)
  const open = keys.filter((key) => isOpen(entity, key, purpose))
  // The others are taken as well, unlisted, so that the refusal can say what changes them.
  const closed = keys.filter((key) => !open.includes(key) && !entity.fields[key]?.secret)
  return {
    ...namedFieldFlags(entity, open, purpose),
    ...Object.fromEntries(closed.map((key) => [inputName(key), text('<value>', 'cannot be set', { hidden: true })])),
  }
}

/** The file of a secret and, unlisted, the flags that people try first, so that the refusal can say where it is given. */
function secretFlags(entity: Entity, key: string, field: Field, summary: string): [string, Flag][] {
  const refused: Flag<undefined> = {
    metavar: '<value>',
    summary: 'cannot be given here',
    fallback: undefined,
    hidden: true,
    parse() {
      throw new InvalidValue(`is secret, and arguments are seen by everyone: use ${flagOf(entity, key)}`)
    },
  }
  const file = fileName(key, field)
  return [
    [key, refused],
    [file.replace(/_file$/, ''), refused],
    [file, text('<file|->', `${summary}; read from a file or stdin`, { group: GROUP })],
  ]
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
      const must = required.includes(key) ? ', required' : purpose === 'create' ? demands(entity, key) : ''
      const summary = `${field.summary}${describes(field)}${must}`
      if (field.secret) return secretFlags(entity, key, field, summary)
      const metavar = field.values ? '<value>' : (METAVARS[field.kind] ?? '<text>')
      const flag = text(metavar, summary, { group: GROUP })
      const second = secondName(entity, key)
      return [
        [inputName(key), field.values ? { ...flag, choices: field.values } : flag],
        ...(second === undefined ? [] : [[second, { ...flag, hidden: true }] satisfies [string, Flag]]),
      ]
    }),
  )
}

/** `--set` and `--clear`: any field by name. */
export const assignmentFlags = {
  set: texts('<field=value>', 'set any field by its name; may be repeated', { group: GROUP }),
}

export const clearFlag = list('<fields>', 'set fields to NULL', { group: GROUP })

/** The fields given by their flags, as raw texts by key. */
export function givenFields(entity: Entity, input: ParsedInput): Record<string, string> {
  return Object.fromEntries(
    Object.keys(entity.fields).flatMap((key) => {
      const value = input[inputName(key)] ?? input[secondName(entity, key) ?? inputName(key)]
      return typeof value === 'string' ? [[key, value]] : []
    }),
  )
}

/** The files of secret fields, by key. */
export function secretFiles(entity: Entity, input: ParsedInput): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entity.fields).flatMap(([key, field]) => {
      const value = field.secret ? input[fileName(key, field)] : undefined
      return typeof value === 'string' ? [[key, value]] : []
    }),
  )
}

/** The part of an input that is about these fields. */
export function inputOf(entity: Entity, keys: readonly string[], input: ParsedInput): ParsedInput {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const field = entity.fields[key]
      const names = field?.secret
        ? [fileName(key, field)]
        : [inputName(key), secondName(entity, key) ?? inputName(key)]
      return names.map((name) => [name, input[name]])
    }),
  )
}

function isOpen(entity: Entity, key: string, purpose: 'create' | 'update'): boolean {
  const field = entity.fields[key]
  return field !== undefined && isSettableAt(field, purpose)
}

/** Whether a create must be given the field, or where it has it from. */
function demands(entity: Entity, key: string): string {
  if (!requiredFields(entity).includes(key)) return ''
  const parents = filledVia(entity, key).map((via) => spoken(entity.fields[via]?.reference?.entity ?? via))
  return parents.length === 0 ? ', required' : `, taken from the ${parents.join(' or ')} when absent`
}

/** Legal values and rules, as far as there are any. */
function describes({ rules, values, sealed }: Field): string {
  // The length of a column is about what is stored, and that is not what is given.
  if (sealed) return sealed.by === 'bcrypt' ? ': at least 8 characters, at most 72 bytes' : ''
  const words = rules.map((rule) => rule.describes)
  return (values === undefined ? '' : ` (${values.join(', ')})`) + (words.length === 0 ? '' : `: ${words.join(', ')}`)
}

/** The flags of the required fields with plausible values, for examples. */
export function exampleFlags(system: System, entity: Entity): string[] {
  return requiredFields(entity)
    .filter((key) => filledVia(entity, key).length === 0)
    .flatMap((key) => {
      const field = entity.fields[key]
      if (!field) return []
      const parent = system.entities.find(({ name }) => name === field.reference?.entity)
      const value = field.secret ? '-' : parent ? exampleId(parent) : exampleValue(key, field)
      return `${flagOf(entity, key)} ${value}`
    })
}

function exampleValue(key: string, { kind, rules, values }: Field): string {
  if (values?.[0] !== undefined) return values[0]
  if (rules.includes(httpUrl)) return 'https://example.com/'
  if (rules.includes(email)) return 'someone@example.com'
  if (kind === 'json') return `@${key.replaceAll('_', '-')}.json`
  return kind === 'integer' || kind === 'bigint' ? '1' : "'…'"
}
