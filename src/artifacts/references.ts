/**
 * What hangs on the rows whose files go, read from the foreign keys of the catalog: rows that go along (ON DELETE
 * CASCADE), and rows that keep them (any other key; PostgreSQL manual, 5.5.5).
 */
import { type ForeignKey, foreignKeysTo, refersTo } from '../db/catalog.ts'
import type { Queryable } from '../db/database.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'

/** Foreign keys from a table towards its children, one after the other. */
type Path = readonly [ForeignKey, ...ForeignKey[]]

export interface References {
  /** Ways to rows that go along. */
  readonly cascades: readonly Path[]
  /** Ways to rows that stay and would lose what they refer to. */
  readonly keeps: readonly Path[]
}

/** More ways than this lead nowhere that a plan could show. */
const MOST_PATHS = 200

/**
 * @param detaches keys that keep nothing although they do not cascade (`detaches` of the rule)
 */
export async function referencesTo(
  db: Queryable,
  schema: string,
  table: string,
  detaches: (key: ForeignKey) => boolean,
): Promise<References> {
  const cascades: Path[] = []
  const keeps: Path[] = []
  const known = new Map<string, readonly ForeignKey[]>()
  const queue: { readonly schema: string; readonly table: string; readonly path: readonly ForeignKey[] }[] = [
    { schema, table, path: [] },
  ]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const name = `${next.schema}.${next.table}`
    const keys = known.get(name) ?? (await foreignKeysTo(db, next.schema, next.table))
    known.set(name, keys)
    for (const key of keys) {
      const path = withFirst(next.path, key)
      if (cascades.length + keeps.length >= MOST_PATHS) return { cascades, keeps }
      if (key.onDelete !== 'cascade') {
        if (!detaches(key)) keeps.push(path)
        continue
      }
      cascades.push(path)
      // A circle ends where it began: its rows are found by the database when it deletes.
      const walked = next.path.some((one) => one.schema === key.schema && one.table === key.table)
      if (!walked && !(key.schema === schema && key.table === table)) {
        queue.push({ schema: key.schema, table: key.table, path })
      }
    }
  }
  return { cascades, keeps }
}

function withFirst(path: readonly ForeignKey[], key: ForeignKey): Path {
  const [first, ...rest] = path
  return first === undefined ? [key] : [first, ...rest, key]
}

/** Condition that a row at the end of the way refers to the row. @param alias of the table that the way begins at */
export function isReferred([key, ...rest]: Path, alias: string, depth = 0): Sql {
  const child = `child_${depth}`
  const [next, ...further] = rest
  const deeper = next === undefined ? raw('') : sql`\n        AND ${isReferred([next, ...further], child, depth + 1)}`
  return sql`EXISTS (
        SELECT
        FROM ${identifier(key.schema, key.table)} AS ${identifier(child)}
        WHERE ${refersTo(key, child, alias)}${deeper}
      )`
}

/** Counts the rows at the end of a way. @param rows FROM item with alias `due` that holds what the way begins at */
export function countAlong(path: Path, rows: Sql): Sql {
  const joins = path.map((key, index) => {
    const parent = index === 0 ? 'due' : `child_${index - 1}`
    const child = `child_${index}`
    return sql`JOIN ${identifier(key.schema, key.table)} AS ${identifier(child)} ON ${refersTo(key, child, parent)}`
  })
  return sql`SELECT COUNT(*) FROM ${rows} ${join(joins, '\n')}`
}

/** `public.exhibits (fk_exhibits_artifact)`: who keeps a row, for people. */
export function keeperOf(path: Path): string {
  const last = path[path.length - 1]
  return last === undefined ? '' : `${last.schema}.${last.table} (${last.name})`
}

/** The table at the end of a way. */
export function endOf(path: Path): string {
  const last = path[path.length - 1]
  return last === undefined ? '' : `${last.schema}.${last.table}`
}
