/**
 * What a delete takes along: the closure of the rows over the foreign keys that the catalog knows (PostgreSQL manual,
 * 5.5.5). ON DELETE CASCADE is followed, SET NULL and SET DEFAULT detach rows, NO ACTION and RESTRICT stand in the way.
 */
import { type ForeignKey, foreignKeysTo, refersTo } from '../db/catalog.ts'
import type { Queryable } from '../db/database.ts'
import { OperationError } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { keyIn } from './missing.ts'
import type { Scope } from './scope.ts'

/** A table with rows that go. */
export interface ClosureTable {
  readonly schema: string
  readonly table: string
  /** Cascading keys from this table into the closure; those into itself among them. */
  readonly cascades: readonly ForeignKey[]
  /** Name of its common table expression. */
  readonly alias: string
}

export interface Closure {
  /** Parents before their children; the first is the entity's own table. */
  readonly tables: readonly ClosureTable[]
  /** Keys of rows that stay and lose their reference. */
  readonly detaching: readonly ForeignKey[]
  /** Keys that forbid the delete as long as rows use them. */
  readonly blocking: readonly ForeignKey[]
}

/**
 * Finds the tables that a delete reaches.
 *
 * @throws OperationError (exit 6) where cascading keys form a circle over several tables, which no single statement
 * can follow
 */
export async function closureOf(db: Queryable, scope: Scope): Promise<Closure> {
  const root = nameOf({ schema: scope.schema, table: scope.entity.table })
  const reached = new Map<string, { schema: string; table: string; cascades: ForeignKey[] }>([
    [root, { schema: scope.schema, table: scope.entity.table, cascades: [] }],
  ])
  const detaching: ForeignKey[] = []
  const blocking: ForeignKey[] = []
  const queue = [root]
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const parent = reached.get(name)
    if (!parent) continue
    for (const key of await foreignKeysTo(db, parent.schema, parent.table)) {
      if (key.onDelete === 'set null' || key.onDelete === 'set default') detaching.push(key)
      else if (key.onDelete !== 'cascade') blocking.push(key)
      else {
        const child = reached.get(nameOf(key))
        if (child) child.cascades.push(key)
        else {
          reached.set(nameOf(key), { schema: key.schema, table: key.table, cascades: [key] })
          queue.push(nameOf(key))
        }
      }
    }
  }
  const ordered = parentsFirst([...reached.values()])
  return { tables: ordered.map((table, index) => ({ ...table, alias: `closure_${index}` })), detaching, blocking }
}

/** `schema.table`, to tell tables apart. */
export function nameOf({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return `${schema}.${table}`
}

function parentsFirst<T extends { schema: string; table: string; cascades: readonly ForeignKey[] }>(
  tables: readonly T[],
): T[] {
  const ordered: T[] = []
  const rest = new Map(tables.map((table) => [nameOf(table), table]))
  while (rest.size > 0) {
    const ready = [...rest].filter(([name, { cascades }]) =>
      cascades.every((key) => referencedName(key) === name || !rest.has(referencedName(key))),
    )
    if (ready.length === 0) {
      throw new OperationError({
        code: 'cascade-circle',
        message: `The cascading foreign keys of ${[...rest.keys()].join(', ')} form a circle, so what a delete takes along cannot be listed`,
        hint: 'Delete the rows of one of these tables first',
      })
    }
    for (const [name, table] of ready) {
      ordered.push(table)
      rest.delete(name)
    }
  }
  return ordered
}

export function referencedName(key: ForeignKey): string {
  return nameOf({ schema: key.referencedSchema, table: key.referencedTable })
}

/**
 * `WITH …` naming the rows of each table of the closure, for the statement that follows.
 *
 * Every expression carries (tableoid, ctid), which identify a row within the statement also in partitioned tables, and
 * the columns that are asked for. The branches of a UNION each use the index of their foreign key; conditions joined
 * with OR would read the whole table.
 *
 * @param columns further columns by table name, besides those that foreign keys refer to
 */
export function withClosure(
  scope: Scope,
  closure: Closure,
  ids: readonly string[],
  columns: Readonly<Record<string, readonly string[]>> = {},
): Sql {
  const aliases = aliasesOf(closure)
  const expressions = closure.tables.map((table, index) => {
    const carried = new Set([...referredColumns(closure, table), ...(columns[nameOf(table)] ?? [])])
    const list = join(
      ['tableoid', 'ctid'].map((name) => raw(name)).concat([...carried].map((name) => identifier(name))),
    )
    const from = identifier(table.schema, table.table)
    const branch = (key: ForeignKey) =>
      sql`SELECT ${list} FROM ${from} WHERE ${refersInto(key, aliases.get(referencedName(key)) ?? '')}`
    const inward = table.cascades.filter((key) => referencedName(key) !== nameOf(table))
    const recursive = table.cascades.filter((key) => referencedName(key) === nameOf(table))
    const base = [
      ...(index === 0 ? [sql`SELECT ${list} FROM ${from} WHERE ${keyIn(scope, ids)}`] : []),
      ...inward.map(branch),
    ]
    const start = sql`(${join(base, '\n    UNION ')})`
    const [itself] = recursive
    return itself === undefined
      ? sql`${raw(table.alias)} AS ${start}`
      : sql`${raw(table.alias)} AS (${start}\n    UNION ${recursiveBranch(table, recursive, [...carried])})`
  })
  return sql`WITH RECURSIVE ${join(expressions, ',\n  ')}`
}

/** `(columns) IN (SELECT referenced columns FROM the closure)`, for the rows of the referring table. */
export function refersInto(key: ForeignKey, alias: string): Sql {
  const own = join(key.columns.map((name) => identifier(name)))
  const theirs = join(key.referencedColumns.map((name) => identifier(name)))
  return sql`(${own}) IN (SELECT ${theirs} FROM ${raw(alias)})`
}

/** The entity that the system declares for a table; undefined for tables of others. */
export function entityOf(
  { system, schema }: Scope,
  table: { readonly schema: string; readonly table: string },
): Entity | undefined {
  return table.schema === schema ? system.entities.find((entity) => entity.table === table.table) : undefined
}

export function aliasesOf(closure: Closure): Map<string, string> {
  return new Map(closure.tables.map((table) => [nameOf(table), table.alias]))
}

/** A recursive term may name its expression once only, so several keys into the same table are one condition. */
function recursiveBranch(table: ClosureTable, keys: readonly ForeignKey[], carried: readonly string[]): Sql {
  const list = join([raw('child.tableoid'), raw('child.ctid'), ...carried.map((name) => identifier('child', name))])
  const conditions = keys.map((key) => sql`(${refersTo(key, 'child', 'parent')})`)
  return sql`SELECT ${list} FROM ${identifier(table.schema, table.table)} AS child JOIN ${raw(table.alias)} AS parent ON ${join(conditions, ' OR ')}`
}

/** Columns of the table that foreign keys of any kind refer to. */
export function referredColumns(closure: Closure, table: ClosureTable): string[] {
  const keys = [...closure.tables.flatMap(({ cascades }) => cascades), ...closure.detaching, ...closure.blocking]
  const columns = keys
    .filter((key) => referencedName(key) === nameOf(table))
    .flatMap(({ referencedColumns }) => referencedColumns)
  return [...new Set(columns)]
}
