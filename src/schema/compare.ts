/**
 * Differences between two descriptions of a schema. Each description is taken apart into facts, one for each property
 * of each object, and the facts are compared; what is missing as a whole is one difference, not one for each property.
 */
import type { SchemaDescription, TableDescription } from './description.ts'

export interface Difference {
  /** `tasks`, `tasks.status`, `tasks.ix_tasks_status`, `task_status`. */
  readonly object: string
  /** What of it differs: `table`, `column`, `nullability`, `foreign key`, `index` … */
  readonly kind: string
  /** As declared; null for what no declaration knows. */
  readonly expected: string | null
  /** As it is; null for what is not there. */
  readonly found: string | null
}

/** The value of what has no properties but its name, and of a table, whose properties are facts of their own. */
export const PRESENT = 'present'

interface Fact {
  readonly object: string
  readonly kind: string
  readonly value: string
  /** The fact that this one is about a property of. */
  readonly of?: string
}

/** Every difference, in the order of the objects' names within each kind of object, tables first. */
export function differences(declared: SchemaDescription, live: SchemaDescription): Difference[] {
  const expected = factsOf(declared)
  const found = factsOf(live)
  const keys = [...new Set([...expected.keys(), ...found.keys()])]
  return keys
    .flatMap((key): Difference[] => {
      const [one, other] = [expected.get(key), found.get(key)]
      const { object, kind, of } = one ?? other ?? { object: key, kind: '', of: undefined }
      const wholeDiffers = of !== undefined && !(expected.has(of) && found.has(of))
      if (wholeDiffers || one?.value === other?.value) return []
      return [{ object, kind, expected: one?.value ?? null, found: other?.value ?? null }]
    })
    .sort((one, other) => compareTexts(one.object, other.object) || compareTexts(one.kind, other.kind))
}

/** What is different, in words: `is missing`, `is text, declared character varying(255)`. */
export function inWords({ kind, expected, found }: Difference): string {
  if (found === null) return `${kind} is missing${expected === PRESENT ? '' : `: ${expected}`}`
  if (expected === null) return `${kind} is not declared${found === PRESENT ? '' : `: ${found}`}`
  return `${kind} is ${found}, declared ${expected}`
}

function factsOf({ tables, types, sequences, functions, views, others }: SchemaDescription): Map<string, Fact> {
  const facts: Fact[] = [
    ...Object.entries(tables).flatMap(([name, table]) => tableFacts(name, table)),
    ...Object.entries(types).map(([object, labels]) => ({ object, kind: 'enum', value: labels.join(', ') })),
    ...sequences.map((object) => ({ object, kind: 'sequence', value: PRESENT })),
    ...functions.map((object) => ({ object, kind: 'function', value: PRESENT })),
    ...views.map((object) => ({ object, kind: 'view', value: PRESENT })),
    ...others.map((object) => ({ object, kind: 'object', value: PRESENT })),
  ]
  return new Map(facts.map((fact) => [keyOf(fact), fact]))
}

function tableFacts(name: string, table: TableDescription): Fact[] {
  const whole: Fact = { object: name, kind: 'table', value: PRESENT }
  const of = keyOf(whole)
  const each = <T>(entries: Readonly<Record<string, T>>, kind: string, value: (entry: T) => string): Fact[] =>
    Object.entries(entries).map(([key, entry]) => ({ object: `${name}.${key}`, kind, value: value(entry), of }))
  return [
    whole,
    { object: name, kind: 'partitioning', value: table.partitionedBy ?? 'none', of },
    { object: name, kind: 'persistence', value: table.persistence, of },
    { object: name, kind: 'row security', value: table.rowSecurity ? 'on' : 'off', of },
    { object: name, kind: 'primary key', value: columnList(table.primaryKey), of },
    ...Object.entries(table.columns).flatMap(([key, column]): Fact[] => {
      const self: Fact = { object: `${name}.${key}`, kind: 'column', value: column.type, of }
      const property = (kind: string, value: string): Fact => ({ ...self, kind, value, of: keyOf(self) })
      return [
        self,
        property('nullability', column.nullable ? 'nullable' : 'NOT NULL'),
        property('default', column.default ?? 'none'),
        property('generation', column.generated ?? 'none'),
        property('identity', column.identity ?? 'none'),
      ]
    }),
    ...each(table.uniques, 'unique', (unique) =>
      words(columnList(unique.on), ...nulls(unique), ...unless('not deferrable', unique.deferrability)),
    ),
    ...each(table.checks, 'check', (expression) => expression),
    ...each(table.foreignKeys, 'foreign key', (key) =>
      words(
        `${columnList(key.on)} to ${key.table} ${columnList(key.columns)} ON DELETE ${key.onDelete.toUpperCase()}`,
        ...unless('no action', key.onUpdate).map((action) => `ON UPDATE ${action}`),
        ...unless('not deferrable', key.deferrability),
        ...unless('valid', key.validity),
      ),
    ),
    ...each(table.indexes, 'index', (index) =>
      words(
        ...(index.unique ? ['UNIQUE'] : []),
        index.method,
        columnList(index.on),
        ...nulls(index),
        ...(index.where === null ? [] : [`WHERE ${index.where}`]),
        ...(index.valid ? [] : ['(invalid: its build was interrupted or is under way)']),
      ),
    ),
    ...each(table.triggers, 'trigger', (state) => state),
  ]
}

function words(...parts: readonly string[]): string {
  return parts.join(' ')
}

/** The property in capitals, as SQL has it, where it is not the usual one. */
function unless(usual: string, property: string): string[] {
  return property === usual ? [] : [property.toUpperCase()]
}

function nulls({ nullsNotDistinct }: { readonly nullsNotDistinct: boolean }): string[] {
  return nullsNotDistinct ? ['NULLS NOT DISTINCT'] : []
}

function columnList(columns: readonly string[]): string {
  return columns.length === 0 ? 'none' : `(${columns.join(', ')})`
}

function keyOf({ object, kind }: Pick<Fact, 'object' | 'kind'>): string {
  return `${object}\0${kind}`
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
