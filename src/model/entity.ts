/**
 * Entities: tables with a command surface, declared as data. Everything downstream (commands, help, prompts,
 * validation, filters, includes, exports, audit, the drift check) is derived from these declarations.
 */
import { type Field, isSettableAt, type ValueOf } from './field.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Operation } from './operation.ts'
import type { Sql } from './sql.ts'

/** `bulk` allows several rows in one create, import, or status change by filter. */
export type Verb = 'list' | 'get' | 'create' | 'update' | 'delete' | 'count' | 'import' | 'export' | 'bulk'

export type Fields = Readonly<Record<string, Field>>

/** An index besides those that back a primary key or unique constraint. */
export interface Index {
  readonly name: string
  /** Key columns in order, `created_at DESC` for a descending one. */
  readonly on: readonly string[]
  readonly method?: 'btree' | 'gin' | 'hash'
  readonly unique?: boolean
  /** Predicate of a partial index as `pg_get_expr` prints it. */
  readonly where?: string
}

export interface Check {
  readonly name: string
  /** Expression as `pg_get_expr(conbin, conrelid)` prints it, in its own parentheses. */
  readonly expression: string
  /** What the constraint means to a person; becomes the message when it is violated. */
  readonly says: string
  /** Fields it is about. */
  readonly fields: readonly string[]
}

/**
 * The CHECK constraint that keeps a text column to its legal values, the companion of a `oneOf` field.
 *
 * @param name of the constraint
 * @param field the `oneOf` field
 * @param values its legal values, in the constraint's order
 */
export function legalValues(name: string, field: string, values: readonly string[]): Check {
  const list = values.map((value) => `'${value.replaceAll("'", "''")}'::text`).join(', ')
  return {
    name,
    expression: `(${field} = ANY (ARRAY[${list}]))`,
    says: `must be one of ${values.join(', ')}`,
    fields: [field],
  }
}

/** The CHECK constraint that no row ends before it starts; rows without one of the times pass. */
export function endsNotBeforeStart(name: string, end: string, start: string): Check {
  return {
    name,
    expression: `(${end} >= ${start})`,
    says: `must not be before ${start}`,
    fields: [end],
  }
}

export interface Unique {
  readonly name: string
  readonly fields: readonly string[]
}

/**
 * A rule over several rows, checked inside the writing transaction at creation. Parents are read and locked
 * first, so that what was checked still holds when the row is written.
 */
export interface CreationRule {
  /** Parent row that must exist, found by this reference field. NULL references skip the rule. */
  readonly via: string
  /** `share` keeps the parent from changing; `update` also serialises the creators (limits). */
  readonly lock: 'share' | 'update'
  /** Why the parent, as it is, refuses the row; undefined when it does not. */
  readonly refuses?: (parent: Readonly<Record<string, unknown>>) => string | undefined
  /** At most this many rows for one parent: counts those in active states, as lifecycle roles say. */
  readonly limit?: (parent: Readonly<Record<string, unknown>>) => {
    readonly atMost: number
    /** Explains the figure, e.g. `settings.max_concurrent_tasks`. */
    readonly because: string
  }
  /** A field of the new row must validate against the JSON Schema that a field of the parent holds. */
  readonly validates?: { readonly field: string; readonly against: string }
  /** Fields of the new row that must equal fields of the parent (`organization_id`). */
  readonly matches?: Readonly<Record<string, string>>
  /**
   * The fields of `matches` that the input leaves out are taken from the parent. They are declared after `via`, since
   * parents are read in the order of the fields.
   */
  readonly fills?: boolean
}

/** A secret made at creation and shown once; only its hash is stored (decision 9, api_keys). */
export interface IssuedSecret {
  /** Starts the secret so that leaks can be recognised, e.g. `sk_`. */
  readonly startsWith: string
  /** Field for the SHA-256 of the secret, lower-case hex. */
  readonly hash: string
  /** Field for the first characters, by which a person recognises the key. */
  readonly prefix: string
}

export interface Entity<F extends Fields = Fields> {
  /** Singular, kebab-case: `workflow-run`. */
  readonly name: string
  /** Plural, kebab-case: `workflow-runs`. */
  readonly plural: string
  readonly table: string
  /** One line for help. */
  readonly summary: string
  readonly fields: F
  /** Key of the field; one column. */
  readonly primaryKey: string
  readonly uniques: readonly Unique[]
  readonly checks: readonly Check[]
  readonly indexes: readonly Index[]
  /** Trigger names the drift check expects. */
  readonly triggers: readonly string[]
  readonly verbs: readonly Verb[]
  readonly lifecycle?: Lifecycle
  readonly operations: readonly Operation[]
  readonly creation: readonly CreationRule[]
  readonly issues?: IssuedSecret
  /** Files that rows stand for (decision 20): deleting a row records its file as due. */
  readonly file?: { readonly uri: string; readonly bytes: string }
  readonly list: {
    /** Columns of the table a person sees; machine formats carry every field that is not secret. */
    readonly columns: readonly string[]
    /** Default order: `-created_at`. The primary key breaks ties (decision 21). */
    readonly sort: string
    /** Text fields that `--search` looks into. */
    readonly search: readonly string[]
    /** The field that `--since` and `--until` are about. */
    readonly time?: string
  }
}

/** The row of an entity as TypeScript sees it: `Row<typeof task>`. */
export type Row<E extends { readonly fields: Fields }> = {
  readonly [K in keyof E['fields']]: ValueOf<E['fields'][K]>
}

type Declared<F extends Fields> = Omit<
  Entity<F>,
  | 'plural'
  | 'primaryKey'
  | 'uniques'
  | 'checks'
  | 'indexes'
  | 'triggers'
  | 'operations'
  | 'creation'
  | 'verbs'
  | 'list'
> & {
  readonly plural?: string
  readonly primaryKey: NoInfer<Extract<keyof F, string>>
  readonly uniques?: readonly {
    readonly name: string
    readonly fields: readonly NoInfer<Extract<keyof F, string>>[]
  }[]
  readonly checks?: readonly Check[]
  readonly indexes?: readonly Index[]
  readonly triggers?: readonly string[]
  readonly operations?: readonly Operation[]
  readonly creation?: readonly CreationRule[]
  readonly verbs: readonly Verb[]
  readonly list: {
    readonly columns: readonly NoInfer<Extract<keyof F, string>>[]
    readonly sort: string
    readonly search?: readonly NoInfer<Extract<keyof F, string>>[]
    readonly time?: NoInfer<Extract<keyof F, string>>
  }
}

/** Declares an entity; absent lists are empty, the plural is the name with an s. */
export function entity<const F extends Fields>(declared: Declared<F>): Entity<F> {
  return {
    ...declared,
    plural: declared.plural ?? `${declared.name}s`,
    uniques: declared.uniques ?? [],
    checks: declared.checks ?? [],
    indexes: declared.indexes ?? [],
    triggers: declared.triggers ?? [],
    operations: declared.operations ?? [],
    creation: declared.creation ?? [],
    list: { ...declared.list, search: declared.list.search ?? [] },
  }
}

/** The key of the field that a name means, however it is written (`--Task-Id`); the name itself when it means none. */
export function keyOf({ fields }: Entity, name: string): string {
  if (Object.hasOwn(fields, name)) return name
  const key = name.trim().replaceAll('-', '_').toLowerCase()
  return Object.hasOwn(fields, key) ? key : name
}

/** Fields that a new row must have from its input: no default, no NULL, nothing that assigns them. */
export function requiredFields({ fields }: Entity): string[] {
  return Object.entries(fields)
    .filter(([, field]) => isSettableAt(field, 'create') && !field.nullable)
    .filter(([, field]) => field.default === undefined && field.numberedWithin === undefined)
    .map(([key]) => key)
}

/** References whose parent gives a new row this field when the input leaves it out. */
export function filledVia({ creation }: Entity, key: string): string[] {
  return creation
    .filter(({ fills = false, matches = {} }) => fills && Object.hasOwn(matches, key))
    .map(({ via }) => via)
}

/** A condition on rows of one entity; made by `crud/filters.ts`, used by list, count, export and bulk verbs. */
export type Condition = Sql
