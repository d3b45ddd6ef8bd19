/**
 * Whose files are: by the rows that name them, by marks that say they are due, and by the layout of systems that find
 * their files by prefix, where all below a task's folder belongs to the task's row.
 */
import { STEWARD_SCHEMA } from '../config/config.ts'
import type { Database, Queryable } from '../db/database.ts'
import { entityOfRule } from '../model/due.ts'
import { identifier, join, type Sql, sql } from '../model/sql.ts'
import {
  countUnindexed,
  type Holder,
  type Holders,
  heldAmong,
  holdersIn,
  type PlacedSystem,
  placesOf,
} from './holders.ts'
import { type Layout, layoutOf } from './prefix.ts'
import { canonicalUri } from './uri.ts'
import type { UriCounts } from './uri-counts.ts'

/** Cold files of the archive lie below it, in whichever store. */
export const COLD_FOLDER = 'archive/'

interface Placement {
  readonly layout: Layout
  /** Tables that may hold the row. */
  readonly tables: readonly { readonly schema: string; readonly table: string }[]
  readonly key: string
  /** Whether the key is text, so that its index finds a segment of a path. */
  readonly keyIsText: boolean
}

export interface Owners {
  readonly holders: Holders
  readonly unindexed: UriCounts
  readonly placements: readonly Placement[]
}

/** A file as far as its owner is asked for. */
export interface Listed {
  readonly uri: string
  readonly path: string
}

/** Reads who may own files; one pass over what no index finds. */
export async function ownersIn(db: Database, systems: readonly PlacedSystem[]): Promise<Owners> {
  const named = await holdersIn(db, systems)
  const marks: Holder = {
    name: `${STEWARD_SCHEMA}.artifact_tombstones`,
    schema: STEWARD_SCHEMA,
    table: 'artifact_tombstones',
    uri: 'uri',
    key: 'artifact_id',
    keyType: 'text',
    bytes: 'bytes',
    time: undefined,
    kind: 'cold',
    indexed: true,
  }
  const holders: Holders = { ...named, tables: [...named.tables, marks] }
  return { holders, unindexed: await countUnindexed(db, holders), placements: await placementsIn(db, systems) }
}

/** As with rows that name their files, tables of the same form in other schemas count as well. */
async function placementsIn(db: Queryable, systems: readonly PlacedSystem[]): Promise<Placement[]> {
  const found = new Map<string, Placement>()
  for (const { system } of systems) {
    for (const rule of system.retention) {
      if (rule.files === undefined) continue
      const { table, primaryKey: key, fields } = entityOfRule(system, rule)
      const layout = layoutOf(rule.files.prefix)
      const id = `${table} ${layout.pattern.source}`
      if (found.has(id)) continue
      const places = await placesOf(db, table, [key, key, ...layout.fields])
      const tables = places.filter(({ readable }) => readable).map(({ schema }) => ({ schema, table }))
      found.set(id, { layout, tables, key, keyIsText: fields[key]?.kind === 'text' })
    }
  }
  return [...found.values()]
}

/** Those of the files that somebody owns, by their URI. */
export async function ownedAmong(db: Queryable, owners: Owners, files: readonly Listed[]): Promise<Set<string>> {
  const { holders, unindexed, placements } = owners
  const canonical = new Map(files.map(({ uri }) => [canonicalUri(uri), uri]))
  const held = await heldAmong(db, holders, [...canonical.keys()], (uri) => unindexed.count(uri) > 0)
  const owned = new Set([...held.keys()].map((uri) => canonical.get(uri) ?? uri))
  for (const placement of placements) {
    const rest = files.filter(({ uri }) => !owned.has(uri))
    for (const uri of await placed(db, placement, rest)) owned.add(uri)
  }
  return owned
}

async function placed(db: Queryable, placement: Placement, files: readonly Listed[]): Promise<string[]> {
  const { layout, tables, key, keyIsText } = placement
  const matches = files.flatMap(({ uri, path }) => {
    const values = layout.pattern.exec(path)?.slice(1)
    return values === undefined ? [] : [{ uri, values }]
  })
  if (matches.length === 0 || tables.length === 0) return []
  const columns = layout.fields.map((_, index) => matches.map(({ values }) => values[index] ?? ''))
  const names = layout.fields.map((_, index) => identifier(`v${index}`))
  const conditions = layout.fields.map((field, index) => {
    const column = identifier('t', field)
    const value = identifier('f', `v${index}`)
    return field === key && keyIsText ? sql`${column} = ${value}` : sql`${column}::text = ${value}`
  })
  const exists: Sql[] = tables.map(
    ({ schema, table }) =>
      sql`EXISTS (SELECT FROM ${identifier(schema, table)} AS t WHERE ${join(conditions, ' AND ')})`,
  )
  const rows = await db.rows<{ uri: string }>(sql`
    SELECT f.uri
    FROM unnest(${matches.map(({ uri }) => uri)}::text[], ${join(columns.map((values) => sql`${values}::text[]`))})
      AS f (uri, ${join(names)})
    WHERE ${join(exists, ' OR ')}`)
  return rows.map(({ uri }) => uri)
}
