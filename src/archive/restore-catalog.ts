/** What the catalog says of a schema's tables and of their archive tables, as far as a restore needs it. */
import { archiveSchemaOf } from '../config/config.ts'
import { type CatalogColumn, columns, constraints, type ForeignKey, foreignKeysIn } from '../db/catalog.ts'
import type { Queryable } from '../db/database.ts'
import { identifier, type Sql } from '../model/sql.ts'
import { BATCH_COLUMN } from './record.ts'

export interface RestoredTable {
  readonly table: string
  /** Of the table itself, by name; none when it is not there any more. */
  readonly columns: ReadonlyMap<string, CatalogColumn>
  /** Types of the archive table's columns, by name. */
  readonly archived: ReadonlyMap<string, string>
  /** Columns of its primary key; empty without one. */
  readonly key: readonly string[]
  /** Its unique constraints, besides the primary key. */
  readonly uniques: readonly UniqueConstraint[]
}

export interface UniqueConstraint {
  readonly name: string
  readonly columns: readonly string[]
}

export interface RestoreCatalog {
  readonly schema: string
  /** Tables that have an archive table, by name. */
  readonly tables: ReadonlyMap<string, RestoredTable>
  /** Columns of every table of the schema, by name. */
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, CatalogColumn>>
  /** Enforced foreign keys of tables that have an archive table. */
  readonly keys: readonly ForeignKey[]
  /** Foreign keys of every table of the schema. */
  readonly allKeys: readonly ForeignKey[]
  /** Primary keys of every table of the schema, by name. */
  readonly primaryKeys: ReadonlyMap<string, readonly string[]>
}

/** Reads the catalog anew: columns and keys may have come and gone since the rows were archived. */
export async function restoreCatalog(db: Queryable, schema: string): Promise<RestoreCatalog> {
  const own = byTable(await columns(db, schema))
  const archived = byTable(await columns(db, archiveSchemaOf(schema)))
  const all = await constraints(db, schema)
  const primary = new Map(all.filter(({ kind }) => kind === 'primary key').map((one) => [one.table, one.columns]))
  const tables = new Map<string, RestoredTable>()
  for (const [table, found] of archived) {
    if (!found.has(BATCH_COLUMN)) continue
    const types = new Map([...found.values()].map(({ name, type }) => [name, type]))
    types.delete(BATCH_COLUMN)
    tables.set(table, {
      table,
      columns: own.get(table) ?? new Map(),
      archived: types,
      key: primary.get(table) ?? [],
      uniques: all.filter((one) => one.kind === 'unique' && one.table === table),
    })
  }
  const allKeys = await foreignKeysIn(db, schema)
  const keys = allKeys.filter(
    ({ table, columns: names, validity }) =>
      validity !== 'not enforced' && names.every((name) => tables.get(table)?.archived.has(name)),
  )
  return { schema, tables, columns: own, keys, allKeys, primaryKeys: primary }
}

function byTable(all: readonly CatalogColumn[]): Map<string, Map<string, CatalogColumn>> {
  const tables = new Map<string, Map<string, CatalogColumn>>()
  for (const column of all) {
    const found = tables.get(column.table) ?? new Map<string, CatalogColumn>()
    tables.set(column.table, found.set(column.name, column))
  }
  return tables
}

/** The archive table. */
export function archiveOf({ schema }: RestoreCatalog, table: string): Sql {
  return identifier(archiveSchemaOf(schema), table)
}

/** The table itself. */
export function liveOf({ schema }: RestoreCatalog, table: string): Sql {
  return identifier(schema, table)
}

/** Whether rows that the key refers to may lie in an archive table of the same schema, by all of its columns. */
export function parentIsArchived({ schema, tables }: RestoreCatalog, key: ForeignKey): boolean {
  const parent = key.referencedSchema === schema ? tables.get(key.referencedTable) : undefined
  return parent !== undefined && key.referencedColumns.every((name) => parent.archived.has(name))
}

/** Tables with parents before their children, as far as there is such an order. */
export function parentsFirst({ keys, schema }: RestoreCatalog, tables: readonly string[]): string[] {
  const rest = new Set(tables)
  const ordered: string[] = []
  while (rest.size > 0) {
    const ready = [...rest].filter((table) =>
      keys.every(
        (key) =>
          key.table !== table ||
          key.referencedTable === table ||
          key.referencedSchema !== schema ||
          !rest.has(key.referencedTable),
      ),
    )
    // A ring has no order: whoever needs a row of it has it pulled along.
    const next = ready.length > 0 ? ready : [...rest].slice(0, 1)
    for (const table of next) rest.delete(table)
    ordered.push(...next)
  }
  return ordered
}
