/**
 * One form for what a schema holds, so that what the declarations promise and what the catalog has can be compared
 * with one `toEqual`. Expressions stand as PostgreSQL prints them with an empty search path.
 */
export interface ColumnDescription {
  readonly type: string
  readonly nullable: boolean
  readonly default: string | null
}

export interface ForeignKeyDescription {
  readonly name: string
  readonly table: string
  readonly column: string
  readonly onDelete: string
}

export interface IndexDescription {
  readonly on: readonly string[]
  readonly method: string
  readonly unique: boolean
  readonly where: string | null
}

export interface TableDescription {
  readonly columns: Readonly<Record<string, ColumnDescription>>
  readonly primaryKey: readonly string[]
  /** By column; every foreign key here has one. */
  readonly foreignKeys: Readonly<Record<string, ForeignKeyDescription>>
  readonly uniques: Readonly<Record<string, readonly string[]>>
  readonly checks: Readonly<Record<string, string>>
  /** Besides those that back a primary key or unique constraint. */
  readonly indexes: Readonly<Record<string, IndexDescription>>
  readonly triggers: readonly string[]
}

export interface SchemaDescription {
  readonly tables: Readonly<Record<string, TableDescription>>
  /** Labels of the enum types, in order. */
  readonly types: Readonly<Record<string, readonly string[]>>
  readonly sequences: readonly string[]
  readonly functions: readonly string[]
  /** Anything of a kind that no declaration can stand for: views, domains, partitioned tables. */
  readonly others: readonly string[]
}
