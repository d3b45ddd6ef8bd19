/**
 * Fields: the columns of an entity, declared as data. One declaration gives the TypeScript type of the value,
 * the flag and prompt that take it, its validation, its place in lists and filters, its redaction, and what the
 * drift check expects to find in the catalog.
 */
import type { Column, Kind, KindValue } from './column.ts'
import { atMostCharacters, type Rule } from './rule.ts'

/** What happens to this row when the referenced one is deleted (PostgreSQL manual, 5.5.5). */
export type OnDelete = 'cascade' | 'set null' | 'restrict'

export interface Reference {
  /** Entity name (singular) in the same system. */
  readonly entity: string
  /** Referenced field; the primary key of that entity. */
  readonly field: string
  readonly onDelete: OnDelete
}

/**
 * Who may set a field. `always`: create and update. `create`: once, at creation. `update`: only later, since the row
 * cannot have it yet (a result). `never`: only the database, a lifecycle stamp or an operation.
 */
export type Settable = 'always' | 'create' | 'update' | 'never'

export interface FieldOptions {
  /** One line, in lower case without a full stop, for `--help`, prompts and documentation. */
  readonly summary: string
  readonly nullable?: boolean
  /** SQL expression of the column's default as `pg_get_expr` prints it, `{schema}` for the system's schema. */
  readonly default?: string
  readonly settable?: Settable
  readonly rules?: readonly Rule[]
  readonly unit?: Column['unit']
  /** What its words mean at a glance: `{ failed: 'bad' }`. */
  readonly tones?: Column['tones']
  readonly secret?: boolean
  /** Numbered from 1 within the rows that share these fields; assigned at creation, safe against races. */
  readonly numberedWithin?: readonly string[]
  /** The value is itself a JSON Schema: it must compile, and rules may check other values against it. */
  readonly isJsonSchema?: boolean
}

declare const value: unique symbol

/** A declared column. `Value` is what a row holds, null included where it may be. */
export interface Field<Value = unknown> extends FieldOptions {
  readonly kind: Kind
  /** Type as `format_type` prints it, `{schema}` for the system's schema in enum types. */
  readonly sqlType: string
  readonly nullable: boolean
  readonly settable: Settable
  readonly rules: readonly Rule[]
  /** The values of an enumeration, in their order. */
  readonly values?: readonly string[]
  readonly reference?: Reference
  /** Prefix of generated ids (decision 10). */
  readonly idPrefix?: string
  readonly [value]?: Value
}

/** The TypeScript value of a field. */
export type ValueOf<F> = F extends Field<infer Value> ? Value : never

type Nullish<O extends FieldOptions, V> = O extends { readonly nullable: true } ? V | null : V

function field<K extends Kind, const O extends FieldOptions>(
  kind: K,
  sqlType: string,
  options: O,
): Field<Nullish<O, KindValue[K]>> {
  return {
    ...options,
    kind,
    sqlType,
    nullable: options.nullable ?? false,
    settable: options.settable ?? 'always',
    rules: options.rules ?? [],
  }
}

export const text = <const O extends FieldOptions>(options: O) => field('text', 'text', options)
export const integer = <const O extends FieldOptions>(options: O) => field('integer', 'integer', options)
export const bigint = <const O extends FieldOptions>(options: O) => field('bigint', 'bigint', options)
export const float = <const O extends FieldOptions>(options: O) => field('float', 'double precision', options)
export const numeric = <const O extends FieldOptions>(options: O) => field('numeric', 'numeric', options)
export const boolean = <const O extends FieldOptions>(options: O) => field('boolean', 'boolean', options)
export const json = <const O extends FieldOptions>(options: O) => field('json', 'jsonb', options)
export const uuid = <const O extends FieldOptions>(options: O) => field('uuid', 'uuid', options)
export const textArray = <const O extends FieldOptions>(options: O) => field('textArray', 'text[]', options)
export const timestamp = <const O extends FieldOptions>(options: O) =>
  field('timestamp', 'timestamp with time zone', options)

/** `varchar(limit)`; the limit becomes a rule as well. */
export function varchar<const O extends FieldOptions>(limit: number, options: O): Field<Nullish<O, string>> {
  const declared = field('text', `character varying(${limit})`, options)
  return { ...declared, rules: [...declared.rules, atMostCharacters(limit)] }
}

/**
 * An enumeration backed by a PostgreSQL enum type in the system's schema.
 *
 * @param type name of the enum type, without schema
 * @param values its labels in order
 */
export function enumeration<const V extends readonly [string, ...string[]], const O extends FieldOptions>(
  type: string,
  values: V,
  options: O,
): Field<Nullish<O, V[number]>> {
  return { ...field('enumeration', `{schema}.${type}`, options), values } as Field<Nullish<O, V[number]>>
}

/** A text column whose legal values a CHECK constraint lists. */
export function oneOf<const V extends readonly [string, ...string[]], const O extends FieldOptions>(
  values: V,
  options: O,
): Field<Nullish<O, V[number]>> {
  return { ...field('enumeration', 'text', options), values } as Field<Nullish<O, V[number]>>
}

/** A primary key of the form `<prefix>_<64-bit integer>`, filled by a database default (decision 10). */
export function generatedId(prefix: string, summary: string): Field<string> {
  const options = { summary, default: `{schema}.next_id('${prefix}'::text)`, settable: 'never' } as const
  return { ...field('text', 'text', options), idPrefix: prefix }
}

/** A foreign key column of the same type as the key it refers to. */
export function reference<const O extends FieldOptions & { readonly onDelete: OnDelete }>(
  entity: string,
  referenced: string,
  options: O,
): Field<Nullish<O, string>> {
  const declared = field('text', 'text', options)
  return { ...declared, reference: { entity, field: referenced, onDelete: options.onDelete } }
}

/** `created_at`: NOT NULL DEFAULT now(), set by the database only (design, "Database conventions"). */
export const createdAt = () => timestamp({ summary: 'when it was created', default: 'now()', settable: 'never' })

/** `updated_at` or the source's `modified_at`: as `createdAt`, kept by a trigger. */
export const updatedAt = () => timestamp({ summary: 'when it last changed', default: 'now()', settable: 'never' })

/** Whether a create, or an update, may set the field. */
export function isSettableAt(declared: Field, moment: 'create' | 'update'): boolean {
  return declared.settable === 'always' || declared.settable === moment
}

/** The field as a column of output. */
export function columnOf(key: string, declared: Field): Column {
  return {
    key,
    kind: declared.kind,
    summary: declared.summary,
    ...(declared.unit === undefined ? {} : { unit: declared.unit }),
    ...(declared.tones === undefined ? {} : { tones: declared.tones }),
    ...(declared.secret === undefined ? {} : { secret: declared.secret }),
  }
}
