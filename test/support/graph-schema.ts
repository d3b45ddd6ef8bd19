/** Tables joined by foreign keys, and rows in them, as data: what the proofs of the archive work on. */
import { quoteIdentifier, quoteLiteral } from '../../src/model/sql.ts'

export type DeleteAction = 'CASCADE' | 'NO ACTION' | 'RESTRICT' | 'SET NULL' | 'SET DEFAULT'
export type IdType = 'integer' | 'bigint' | 'text' | 'uuid'
export type Partitioning = 'range' | 'list' | 'hash' | 'deep'

export interface GraphColumn {
  readonly name: string
  readonly type: string
  readonly notNull?: boolean
  /** `GENERATED …`, after the type: the database gives the value. */
  readonly generated?: string
}

export interface GraphTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly GraphColumn[]
  /** Empty for a table without one, whose rows may repeat. */
  readonly primaryKey: readonly string[]
  readonly uniques: readonly (readonly string[])[]
  /** By the column `part`. */
  readonly partitioning?: Partitioning
  /** A column was dropped before the rows came, so attribute numbers have a gap. */
  readonly gap: boolean
}

export interface GraphKey {
  readonly name: string
  readonly child: number
  readonly columns: readonly string[]
  readonly parent: number
  readonly parentColumns: readonly string[]
  readonly onDelete: DeleteAction
  /** `ON DELETE SET NULL (columns)`. */
  readonly setsOnly?: readonly string[]
  readonly deferrable?: 'immediate' | 'deferred'
  readonly matchFull: boolean
}

export type Values = Readonly<Record<string, string | null>>

export interface GraphRow {
  readonly table: number
  readonly values: Values
}

export interface Graph {
  readonly schema: string
  readonly tables: readonly GraphTable[]
  readonly keys: readonly GraphKey[]
  readonly rows: readonly GraphRow[]
  /** The table whose rows the rule is about; it has the columns `age`, `age2` and `state`. */
  readonly root: number
  readonly follow: 'cascade' | 'all'
  /** Keys that the rule lets go of. */
  readonly detached: readonly number[]
  /** The rule takes `age2` where `age` is NULL. */
  readonly secondAge: boolean
  /** The rule is about rows of state `done` only. */
  readonly onlyDone: boolean
}

/** Instants beyond any age a rule asks for; several differ by a microsecond, or not at all. */
export const OLD = [
  '2020-01-01 00:00:00.000001+00',
  '2020-01-01 00:00:00.000002+00',
  '2020-01-01 00:00:00+00',
  '2023-05-05 10:00:00.999999+00',
  '1970-01-01 00:00:00+00',
  '0044-03-15 00:00:00+00 BC',
  '-infinity',
] as const

/** Instants that no age has passed. */
export const YOUNG = ['2999-01-01 00:00:00+00', 'infinity'] as const

export function tableNamed(graph: Graph, index: number): GraphTable {
  const table = graph.tables[index]
  if (!table) throw new RangeError(`no table ${index}`)
  return table
}

/** `"schema"."table"`. */
export function nameOf({ schema, name }: Pick<GraphTable, 'schema' | 'name'>): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

const list = (names: readonly string[]) => names.map(quoteIdentifier).join(', ')

/** The statements that make the tables, fill them and join them, in one text. */
export function graphDdl(graph: Graph): string {
  const schemas = [...new Set([graph.schema, ...graph.tables.map(({ schema }) => schema)])]
  return [
    ...schemas.map((schema) => `CREATE SCHEMA ${quoteIdentifier(schema)};`),
    ...graph.tables.flatMap(tableDdl),
    ...graph.tables.flatMap((table, index) => rowsDdl(graph, table, index)),
    // Last, so that rows of a cycle need no order.
    ...graph.keys.map((key) => keyDdl(graph, key)),
  ].join('\n')
}

function tableDdl(table: GraphTable): string[] {
  const name = nameOf(table)
  const columns = table.columns.map(
    ({ name: column, type, notNull, generated }) =>
      `${quoteIdentifier(column)} ${type}${generated === undefined ? '' : ` GENERATED ${generated}`}${notNull ? ' NOT NULL' : ''}`,
  )
  const constraints = [
    ...(table.primaryKey.length === 0 ? [] : [`PRIMARY KEY (${list(table.primaryKey)})`]),
    ...table.uniques.map((unique) => `UNIQUE (${list(unique)})`),
  ]
  const gap = table.gap ? ['"gone" text'] : []
  const by = { range: 'RANGE', list: 'LIST', hash: 'HASH', deep: 'RANGE' } as const
  const partitioned = table.partitioning === undefined ? '' : ` PARTITION BY ${by[table.partitioning]} ("part")`
  return [
    `CREATE TABLE ${name} (\n  ${[...gap, ...columns, ...constraints].join(',\n  ')}\n)${partitioned};`,
    ...partitionDdl(table),
    ...(table.gap ? [`ALTER TABLE ${name} DROP COLUMN "gone";`] : []),
  ]
}

function partitionDdl(table: GraphTable): string[] {
  const name = nameOf(table)
  // Names of 63 bytes leave no room; the end tells them apart.
  const part = (suffix: string) => nameOf({ ...table, name: `${suffix}_${table.name.slice(-40)}` })
  const { partitioning } = table
  if (partitioning === undefined) return []
  switch (partitioning) {
    case 'range':
      return [
        `CREATE TABLE ${part('p0')} PARTITION OF ${name} FOR VALUES FROM (MINVALUE) TO (1);`,
        `CREATE TABLE ${part('p1')} PARTITION OF ${name} FOR VALUES FROM (1) TO (2);`,
        `CREATE TABLE ${part('px')} PARTITION OF ${name} DEFAULT;`,
      ]
    case 'list':
      return [
        `CREATE TABLE ${part('p0')} PARTITION OF ${name} FOR VALUES IN (0, 2);`,
        `CREATE TABLE ${part('p1')} PARTITION OF ${name} FOR VALUES IN (1);`,
      ]
    case 'hash':
      return [0, 1].map(
        (rest) =>
          `CREATE TABLE ${part(`p${rest}`)} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER ${rest});`,
      )
    case 'deep':
      return [
        `CREATE TABLE ${part('p0')} PARTITION OF ${name} FOR VALUES FROM (0) TO (1);`,
        `CREATE TABLE ${part('p1')} PARTITION OF ${name} FOR VALUES FROM (1) TO (3) PARTITION BY LIST ("part");`,
        `CREATE TABLE ${part('p11')} PARTITION OF ${part('p1')} FOR VALUES IN (1);`,
        `CREATE TABLE ${part('p12')} PARTITION OF ${part('p1')} DEFAULT;`,
      ]
  }
}

function rowsDdl(graph: Graph, table: GraphTable, index: number): string[] {
  const given = table.columns.filter(({ generated }) => generated === undefined)
  const rows = graph.rows.filter((row) => row.table === index)
  if (rows.length === 0) return []
  const values = rows.map((row) => {
    const cells = given.map(({ name, type }) => {
      const value = row.values[name] ?? null
      return value === null ? 'NULL' : `${quoteLiteral(value).trim()}::${type}`
    })
    return `  (${cells.join(', ')})`
  })
  return [`INSERT INTO ${nameOf(table)} (${list(given.map(({ name }) => name))}) VALUES\n${values.join(',\n')};`]
}

function keyDdl(graph: Graph, key: GraphKey): string {
  const sets = key.setsOnly === undefined ? '' : ` (${list(key.setsOnly)})`
  const deferrable =
    key.deferrable === undefined
      ? ''
      : ` DEFERRABLE INITIALLY ${key.deferrable === 'deferred' ? 'DEFERRED' : 'IMMEDIATE'}`
  return (
    `ALTER TABLE ${nameOf(tableNamed(graph, key.child))} ADD CONSTRAINT ${quoteIdentifier(key.name)} ` +
    `FOREIGN KEY (${list(key.columns)}) REFERENCES ${nameOf(tableNamed(graph, key.parent))} (${list(key.parentColumns)})` +
    `${key.matchFull ? ' MATCH FULL' : ''} ON DELETE ${key.onDelete}${sets}${deferrable};`
  )
}
