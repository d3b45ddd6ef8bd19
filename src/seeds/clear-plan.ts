/**
 * What `seed clear` would remove: the seeded rows, known by their ids, and the rows that others have added below them
 * since and that cannot stay without them. Reads only.
 */
import { type ForeignKey, foreignKeysTo } from '../db/catalog.ts'
import type { Database, Queryable } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { SeedDefinition, SeedTable } from './definition.ts'
import { seededSql } from './ids.ts'
import { readSeedSet, type SeedSet } from './set.ts'
import { keyOf, tableSql } from './tables.ts'

export interface ClearTable {
  readonly table: string
  readonly seeded: number
  /** Ids of rows that were not seeded and go along. */
  readonly byHand: readonly string[]
}

/** Rows that stay and lose a reference. */
export interface Detached {
  readonly table: string
  readonly column: string
  readonly rows: number
}

export interface ClearPlan {
  readonly set: SeedSet
  /** Parents first; every table of the definition. */
  readonly tables: readonly ClearTable[]
  readonly detached: readonly Detached[]
}

/** A foreign key with the two tables of the definition at its ends. */
export interface Link {
  readonly child: SeedTable
  readonly column: string
  readonly parent: SeedTable
}

/**
 * Plans the removal, in one snapshot.
 *
 * @returns undefined when nothing was seeded
 * @throws RefusedError when a table that Steward does not know has rows that stand in the way
 */
export function planClear(db: Database, definition: SeedDefinition, schema: string): Promise<ClearPlan | undefined> {
  return db.transaction((tx) => planIn(tx, definition, schema), {
    readOnly: true,
    isolation: 'repeatable read',
    statementTimeoutMs: 0,
  })
}

/** As `planClear`, in a transaction that is open already. */
export async function planIn(
  db: Queryable,
  definition: SeedDefinition,
  schema: string,
): Promise<ClearPlan | undefined> {
  const set = await readSeedSet(db, definition.system, schema)
  if (set === undefined) return undefined
  const keys = await foreignKeys(db, definition, schema)
  const isSeeded = (alias: string, column: string, table: SeedTable) =>
    seededSql(identifier(alias, column), table.ids, set.parameters.until)
  await refuseStrangers(db, definition, keys, isSeeded)

  const links = (onDelete: ForeignKey['onDelete']) => linksOf(definition, schema, keys, onDelete)
  const [cascades, losing] = [links('cascade'), links('set null')]
  const tables = definition.tables.map(
    (table) => sql`
    SELECT ${table.table}::text AS "table", NULL AS "column",
           (SELECT count(*) FROM ${tableSql(schema, table)}) - (SELECT count(*) FROM ${otherName(table)}) AS rows,
           ARRAY(SELECT id::text FROM ${byHandName(table)} ORDER BY id) AS ids`,
  )
  const detached = losing.map(
    ({ child, column, parent }) => sql`
    SELECT ${child.table}::text, ${column}::text, count(*), NULL
    FROM ${otherName(child)} AS r
    WHERE NOT EXISTS (SELECT FROM ${byHandName(child)} AS h WHERE h.id = ${identifier('r', keyOf(child))})
      AND ${doomed('r', column, parent, isSeeded)}`,
  )
  const found = await db.rows<FoundRow>(sql`
    WITH ${join(expressions(definition, schema, { cascades, losing }, isSeeded), ',\n    ')}
    ${join([...tables, ...detached], '\n    UNION ALL ')}`)
  return {
    set,
    tables: found.flatMap(({ table, column, rows, ids }) =>
      column === null ? [{ table, seeded: Number(rows), byHand: ids ?? [] }] : [],
    ),
    detached: found.flatMap(({ table, column, rows }) =>
      column === null || rows === 0n ? [] : [{ table, column, rows: Number(rows) }],
    ),
  }
}

/** A table (no column) with its seeded rows and the ids that go along, or a key that rows lose. */
interface FoundRow {
  readonly table: string
  readonly column: string | null
  readonly rows: bigint
  readonly ids: readonly string[] | null
}

/** The keys of one kind between tables of the definition; those that only the definition knows are among `cascade`. */
export function linksOf(
  definition: SeedDefinition,
  schema: string,
  keys: readonly ForeignKey[],
  onDelete: ForeignKey['onDelete'],
): Link[] {
  const named = (name: string) => definition.tables.find(({ table }) => table === name)
  const declared = keys.flatMap((key) => {
    const [column] = key.columns
    const child = key.schema === schema ? named(key.table) : undefined
    const parent = named(key.referencedTable)
    return key.onDelete === onDelete && child && parent && column !== undefined ? [{ child, column, parent }] : []
  })
  if (onDelete !== 'cascade') return declared
  const followed = definition.tables.flatMap((child) =>
    Object.entries(child.follows ?? {}).flatMap(([column, table]) => {
      const parent = named(table)
      return parent ? [{ child, column, parent }] : []
    }),
  )
  return [...declared, ...followed]
}

/** Foreign keys that lead to a table of the definition, from wherever. */
export async function foreignKeys(db: Queryable, definition: SeedDefinition, schema: string): Promise<ForeignKey[]> {
  const keys: ForeignKey[] = []
  for (const { table } of definition.tables) keys.push(...(await foreignKeysTo(db, schema, table)))
  return keys
}

type IsSeeded = (alias: string, column: string, table: SeedTable) => Sql

const otherName = (table: SeedTable): Sql => identifier(`other_${table.table}`)
const byHandName = (table: SeedTable): Sql => identifier(`by_hand_${table.table}`)

/** That a reference leads to a row that goes. */
function doomed(alias: string, column: string, parent: SeedTable, isSeeded: IsSeeded): Sql {
  return sql`(${isSeeded(alias, column, parent)}
        OR ${identifier(alias, column)} IN (SELECT id FROM ${byHandName(parent)}))`
}

/**
 * Two expressions a table, parents before children: the rows that were not seeded, found in one pass, and those of
 * them that go along.
 */
function expressions(
  definition: SeedDefinition,
  schema: string,
  { cascades, losing }: { readonly cascades: readonly Link[]; readonly losing: readonly Link[] },
  isSeeded: IsSeeded,
): Sql[] {
  return definition.tables.flatMap((table) => {
    const key = keyOf(table)
    const up = cascades.filter(({ child }) => child === table)
    const columns = [...up, ...losing.filter(({ child }) => child === table)].map(({ column }) => column)
    const list = join([...new Set([key, ...columns])].map((column) => identifier('r', column)))
    const reached = up.map(({ column, parent }) => doomed('r', column, parent, isSeeded))
    const condition = reached.length === 0 ? raw('FALSE') : join(reached, '\n        OR ')
    return [
      sql`${otherName(table)} AS MATERIALIZED (
      SELECT ${list}
      FROM ${tableSql(schema, table)} AS r
      WHERE NOT ${isSeeded('r', key, table)}
    )`,
      sql`${byHandName(table)} AS MATERIALIZED (
      SELECT ${identifier('r', key)} AS id
      FROM ${otherName(table)} AS r
      WHERE ${condition}
    )`,
    ]
  })
}

/** Tables that someone added and let refer to seeded ones: what would happen to their rows is not Steward's to say. */
async function refuseStrangers(
  db: Queryable,
  definition: SeedDefinition,
  keys: readonly ForeignKey[],
  isSeeded: IsSeeded,
): Promise<void> {
  const known = new Set(definition.tables.map(({ table }) => table))
  const refused: string[] = []
  for (const key of keys) {
    const [column] = key.columns
    const parent = definition.tables.find(({ table }) => table === key.referencedTable)
    const ours = key.schema === key.referencedSchema && known.has(key.table)
    if (column === undefined || parent === undefined) continue
    if (ours && (key.onDelete === 'cascade' || key.onDelete === 'set null')) continue
    const child = ours ? definition.tables.find(({ table }) => table === key.table) : undefined
    if (child?.follows?.[column] === parent.table) continue
    // Seeded rows go before what they refer to; a key that restricts stops only those of others.
    const byOthers = child === undefined ? raw('TRUE') : sql`NOT ${isSeeded('r', keyOf(child), child)}`
    const found = await db.maybeOne(sql`
      SELECT
      FROM ${identifier(key.schema, key.table)} AS r
      WHERE ${isSeeded('r', column, parent)}
        AND ${byOthers}
      LIMIT 1`)
    if (found !== undefined) refused.push(`${key.schema}.${key.table}`)
  }
  if (refused.length === 0) return
  const tables = [...new Set(refused)]
  throw new RefusedError({
    code: 'referenced-elsewhere',
    message: `Rows of ${tables.join(', ')} refer to seeded rows, and seeding did not make them`,
    hint: 'Delete those rows first',
    details: { tables },
  })
}
