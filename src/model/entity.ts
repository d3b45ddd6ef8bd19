/**
 * Entities: tables with a command surface, declared as data. Everything downstream (commands, help, prompts,
 * validation, filters, includes, exports, audit, the drift check) is derived from these declarations.
 */
import type { Effect } from './effect.ts'
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
  /** Of a unique one: what it means to a person that another row has the values; completes `<fields> …`. */
  readonly says?: string
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
 * @param type of the column; `varchar` for a `oneOf` with a limit
 */
export function legalValues(
  name: string,
  field: string,
  values: readonly string[],
  type: 'text' | 'varchar' = 'text',
): Check {
  const quoted = values.map((value) => `'${value.replaceAll("'", "''")}'`)
  // PostgreSQL compares varchar as text, and prints the casts that this takes.
  const expression =
    type === 'text'
      ? `(${field} = ANY (ARRAY[${quoted.map((value) => `${value}::text`).join(', ')}]))`
      : `((${field})::text = ANY ((ARRAY[${quoted.map((value) => `${value}::character varying`).join(', ')}])::text[]))`
  return {
    name,
    expression,
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

/**
 * Rows that are marked as deleted and stay (decisions 34, 38, 51): hidden unless `--deleted`, changed by nothing but
 * `restore`; `delete --purge` removes them with all that depends on them.
 */
export interface SoftDelete {
  /** Nullable timestamp: when the row was deleted. */
  readonly field: string
  /** What must hold before a row may be deleted; `says` completes `it cannot be deleted: …`. */
  readonly only?: readonly {
    readonly field: string
    readonly isOneOf: readonly (string | boolean)[]
    readonly says: string
  }[]
}

/** Range partitions by calendar month (UTC) of one field, which is part of the table's primary key. */
export interface Partitioning {
  readonly field: string
  readonly every: 'month'
  /** Months made ahead of the current one by `maintain partitions`. */
  readonly ahead: number
}

/** A stored `tsvector` column with a GIN index (decision 61), asked by `<entity> search`. It is no field: nobody reads it. */
export interface FullText {
  readonly column: string
  /** Text search configuration, `english`. */
  readonly configuration: string
  /** Generation expression as `pg_get_expr` prints it. */
  readonly generated: string
}

/**
 * Declared on the entity whose rows are edges between rows of another one: `from` waits for `to`. Gives the verbs
 * `add`, `remove` and `graph`, refuses cycles under a lock with the cycle shown (decisions 48, 58), and says which
 * nodes must wait (decision 52).
 */
export interface Graph {
  /** Entity of the nodes, and its field that people know a node by. */
  readonly nodes: string
  readonly label: string
  readonly from: string
  readonly to: string
  /** Field with the kind of edge; edges of these kinds make `from` wait and may not form a cycle. */
  readonly kind: string
  readonly blocking: readonly string[]
  /** States of a node that count as finished, so that those who wait for it may go on. */
  readonly finished: readonly string[]
  /** Set on an edge when its `to` is finished, where the table has it. */
  readonly satisfied?: { readonly flag: string; readonly at: string }
  /** Transitions of a node: `block` when it comes to wait for unfinished ones, `release` when the last is finished. */
  readonly block?: string
  readonly release?: string
  /** Field of a node whose value weighs it in the critical path; every node counts 1 when absent. */
  readonly weight?: string
}

/** A balance that is the sum of append-only entries (decision 41). */
export interface Ledger {
  readonly balance: string
  readonly entries: string
  /** Field of the entry that names the row, equal to this row's `equals`. */
  readonly via: string
  readonly equals: string
  readonly amount: string
  readonly type: string
}

/** A field that a new row leaves out and rows of another entity give (decision 43: the tool's agents). */
export interface Derived {
  readonly field: string
  readonly from: string
  /** Field whose values become a JSON array, ordered by themselves. */
  readonly collects: string
  /** Fields of those rows that equal fields of the new row. */
  readonly matching: Readonly<Record<string, string>>
  readonly where?: Readonly<Record<string, string | boolean>>
  /** The refusal when there are none: `has no active agents`, said of the matched field. */
  readonly otherwise: string
}

export interface Entity<F extends Fields = Fields> {
  /** Singular, kebab-case: `workflow-run`. */
  readonly name: string
  /** Other names on the command line, singular: `workflow-execution` for `execution`. */
  readonly aliases: readonly string[]
  /** Plural, kebab-case: `workflow-runs`. */
  readonly plural: string
  readonly table: string
  /** One line for help. */
  readonly summary: string
  readonly fields: F
  /** Key of the field; one column. Of a partitioned table the partition field is part of the key as well. */
  readonly primaryKey: string
  /** Unique text field by which people know a row; commands take it wherever they take the id (decision 32). */
  readonly handle?: string
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
  /** What creating a row does besides (`user create` makes the wallet), after the row is inserted. */
  readonly onCreate: readonly Effect[]
  readonly derived?: Derived
  /** Name of the verb that creates: `enqueue`; `create` is then its alias. */
  readonly createdAs?: string
  readonly softDelete?: SoftDelete
  readonly partitionedBy?: Partitioning
  readonly fullText?: FullText
  readonly graph?: Graph
  readonly ledger?: Ledger
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
    /** Array of texts (`textArray`, or JSON) that `--tag` asks for. */
    readonly tags?: string
  }
}

/** The row of an entity as TypeScript sees it: `Row<typeof task>`. */
export type Row<E extends { readonly fields: Fields }> = {
  readonly [K in keyof E['fields']]: ValueOf<E['fields'][K]>
}

type Declared<F extends Fields> = Omit<
  Entity<F>,
  | 'plural'
  | 'aliases'
  | 'onCreate'
  | 'handle'
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
  readonly aliases?: readonly string[]
  readonly primaryKey: NoInfer<Extract<keyof F, string>>
  readonly handle?: NoInfer<Extract<keyof F, string>>
  readonly onCreate?: readonly Effect[]
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
    readonly tags?: NoInfer<Extract<keyof F, string>>
  }
}

/** Declares an entity; absent lists are empty, the plural is the name with an s. */
export function entity<const F extends Fields>(declared: Declared<F>): Entity<F> {
  return {
    ...declared,
    plural: declared.plural ?? `${declared.name}s`,
    aliases: declared.aliases ?? [],
    onCreate: declared.onCreate ?? [],
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
export function requiredFields({ fields, derived }: Entity): string[] {
  return Object.entries(fields)
    .filter(([, field]) => isSettableAt(field, 'create') && !field.nullable)
    .filter(([, field]) => field.default === undefined && field.numberedWithin === undefined)
    .filter(([key, field]) => field.generated === undefined && !field.identity && derived?.field !== key)
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
