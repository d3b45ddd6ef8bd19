/**
 * From raw input to checked values: zod schemas built from the declaration read each field by its kind, bring it into
 * its canonical form and run every rule. All problems of an input are found, each with field and reason; nothing is
 * thrown before the caller has added what only the database knows.
 */
import type { z } from 'zod'
import { InvalidValue, type Problem, RefusedError } from '../errors.ts'
import { type Entity, filledVia, keyOf, requiredFields } from '../model/entity.ts'
import type { Field } from '../model/field.ts'
import { nearest } from '../model/nearest.ts'
import { plainJson } from './json.ts'
import { fieldOf } from './scope.ts'
import { inputFlag, Unsealed } from './seal.ts'
import { type Purpose, settableFields, whyNotSettable } from './settable.ts'
import { characterLimit, type Form, isTooLong, typedValue } from './typed.ts'

/** Values by field, in their memory form; absent ones are left to the database. */
export type Values = Readonly<Record<string, unknown>>

export interface Reading {
  readonly values: Values
  readonly problems: readonly Problem[]
}

export interface InputReader {
  /** Reads the fields that are there. Names may be written with dashes. */
  read(raw: Readonly<Record<string, unknown>>, form: Form): Reading
  /** The problems of names alone, for the header of a CSV file. */
  checkNames(names: readonly string[]): Problem[]
  /**
   * Fields that are required and missing, leaving out those that already have a problem and those that a parent gives:
   * where the parent itself is missing or wrong, that is the problem.
   */
  missing(reading: Reading): Problem[]
}

/**
 * Makes the reader of an entity's input.
 *
 * @param purpose what decides which fields may be set
 * @param only accept just these fields, settable or not: what a transition or copy takes
 */
export async function inputReader(entity: Entity, purpose: Purpose, only?: readonly string[]): Promise<InputReader> {
  const { z } = await import('zod')
  const keys = Object.keys(entity.fields)
  const compile = keys.some((key) => fieldOf(entity, key).isJsonSchema)
    ? (await import('./json-schema.ts')).compileSchema
    : undefined
  const refusal = (key: string) => {
    if (only === undefined) return whyNotSettable(entity, key, purpose)
    return only.includes(key) ? undefined : 'is not taken here'
  }
  const accepted = only ?? settableFields(entity, purpose)

  function rowSchema(form: Form) {
    const shape: Record<string, z.ZodType> = {}
    for (const key of keys) {
      const refused = refusal(key)
      shape[key] = refused === undefined ? fieldSchema(z, fieldOf(entity, key), form, compile) : refusing(z, refused)
    }
    return z.strictObject(shape)
  }
  const schemas = new Map<Form, ReturnType<typeof rowSchema>>()

  function schemaFor(form: Form) {
    const known = schemas.get(form)
    if (known) return known
    const made = rowSchema(form)
    schemas.set(form, made)
    return made
  }

  const required = only === undefined && purpose === 'create' ? requiredFields(entity) : []
  return {
    read(raw, form) {
      const named = byField(entity, raw)
      const twice = givenTwice(entity, Object.keys(raw))
      const parsed = schemaFor(form).safeParse(named)
      if (parsed.success) return { values: withoutAbsent(parsed.data), problems: twice }
      const problems = [...twice, ...parsed.error.issues.flatMap((issue) => problemsOf(entity, accepted, issue))]
      // What is right in a wrong input is read all the same: the database may have more to say about it.
      const wrong = new Set(parsed.error.issues.flatMap(({ path }) => path.slice(0, 1).map(String)))
      const right = Object.entries(named).filter(([key]) => keys.includes(key) && !wrong.has(key))
      const rest = schemaFor(form).safeParse(Object.fromEntries(right))
      return { values: rest.success ? withoutAbsent(rest.data) : {}, problems }
    },
    checkNames(names) {
      const refused = names.flatMap((name) => {
        const key = keyOf(entity, name)
        const reason = Object.hasOwn(entity.fields, key) ? refusal(key) : unknownField(entity, accepted, name)
        return reason === undefined ? [] : [{ where: visible(name), reason }]
      })
      return [...refused, ...givenTwice(entity, names)]
    },
    missing({ values, problems }) {
      const isWrong = (key: string) => problems.some(({ where }) => where === key)
      const absent = required.filter((key) => values[key] === undefined && !isWrong(key))
      const isNamed = (key: string) => (values[key] ?? null) !== null || isWrong(key) || absent.includes(key)
      return absent
        .filter((key) => !filledVia(entity, key).some(isNamed))
        .map((key) => ({ where: key, reason: requiredReason(fieldOf(entity, key)) }))
    },
  }
}

/** That a field must be given and, of one that is never given as a value, how. */
export function requiredReason({ sealed }: Field): string {
  return sealed === undefined ? 'is required' : `is required; give it with ${inputFlag(sealed.input)}`
}

/** Two readings of one input as one; the later one's values win. */
export function combined(...readings: readonly Reading[]): Reading {
  return {
    values: Object.assign({}, ...readings.map(({ values }) => values)),
    problems: readings.flatMap(({ problems }) => problems),
  }
}

/** Throws one RefusedError (exit 5) that names every problem; does nothing when there is none. */
export function refuseInput(entity: Entity, verb: string, problems: readonly Problem[]): void {
  const [first] = problems
  if (first === undefined) return
  const only = problems.length === 1
  throw new RefusedError({
    code: 'invalid-input',
    message: only ? said(first) : `${problems.length} problems with this ${entity.name}`,
    hint: `Add --help to ${entity.name} ${verb} to see what each field takes`,
    problems: only ? [] : problems,
    // Machines find the problem in the same place whether there is one or many.
    details: only ? { problems: [{ ...first }] } : {},
  })
}

/** `line 3: url must start with …`. */
export function said({ where, line, reason }: Problem): string {
  return `${line === undefined ? '' : `line ${line}: `}${where === undefined ? '' : `${where} `}${reason}`
}

function fieldSchema(
  zod: typeof z,
  field: Field,
  form: Form,
  compile: ((schema: unknown) => unknown) | undefined,
): z.ZodType {
  const value = zod.unknown().transform((given, context) => {
    // An empty CSV cell leaves a column that cannot be NULL to its default.
    if (given === undefined || (given === null && form === 'csv' && !field.nullable)) return undefined
    if (given === null) {
      if (field.nullable) return null
      const advice = field.default === undefined ? '' : '; leave it out for its default'
      context.addIssue({ code: 'custom', message: `must not be null${advice}` })
      return zod.NEVER
    }
    const { value: read, reasons } = checkedValue(field, given, form, compile)
    for (const message of reasons) context.addIssue({ code: 'custom', message })
    return reasons.length === 0 ? read : zod.NEVER
  })
  return value.optional()
}

function refusing(zod: typeof z, reason: string): z.ZodType {
  return zod
    .unknown()
    .refine((given) => given === undefined, { error: reason })
    .optional()
}

/** Kind, canonical form, then every rule. */
function checkedValue(
  field: Field,
  given: unknown,
  form: Form,
  compile: ((schema: unknown) => unknown) | undefined,
): { readonly value: unknown; readonly reasons: readonly string[] } {
  try {
    const typed = typedValue(field, given, form)
    if (typed instanceof Unsealed) return { value: typed, reasons: typed.whyNot(field.rules) }
    // A hash that a file brings: the rules are about what it was made of.
    if (field.sealed) return { value: typed, reasons: [] }
    const value = field.rules.reduce((current, { normalise }) => normalise?.(current) ?? current, typed)
    const plain = field.kind === 'json' ? plainJson(value) : value
    const reasons = field.rules.flatMap(({ check }) => check(plain) ?? [])
    if (isTooLong(field, value)) {
      const each = field.kind === 'textArray' ? 'must not hold texts' : 'must not be'
      reasons.push(`${each} longer than ${characterLimit(field.sqlType)} characters`)
    }
    if (field.isJsonSchema && reasons.length === 0) compile?.(value)
    return { value, reasons: [...new Set(reasons)] }
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    // The parent may be named by its handle, which only the database knows (crud/ids.ts).
    const isName = field.reference && field.kind !== 'text' && typeof given === 'string' && given.trim() !== ''
    return isName ? { value: given.trim(), reasons: [] } : { value: undefined, reasons: [error.message] }
  }
}

function problemsOf(entity: Entity, accepted: readonly string[], issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({ where: visible(name), reason: unknownField(entity, accepted, name) }))
  }
  const [key] = issue.path
  return [{ ...(key === undefined ? {} : { where: String(key) }), reason: issue.message }]
}

function unknownField(entity: Entity, accepted: readonly string[], name: string): string {
  const near = nearest(keyOf(entity, name), accepted)
  return `is not a field of ${entity.name}${near ? ` (did you mean ${near}?)` : ''}`
}

/** Fields that several names of one input mean: `url` and `URL`. */
function givenTwice(entity: Entity, names: readonly string[]): Problem[] {
  const keys = [...new Set(names)].map((name) => keyOf(entity, name))
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))].map((key) => ({
    where: key,
    reason: 'is given twice, in different spellings',
  }))
}

function byField(entity: Entity, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [keyOf(entity, name), value]))
}

/** A name from an input as it can be printed: ordinary ones as they are, others quoted and cut. */
function visible(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : JSON.stringify(name.slice(0, 64))
}

function withoutAbsent(values: Readonly<Record<string, unknown>>): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
