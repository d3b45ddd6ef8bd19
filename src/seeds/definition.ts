/**
 * What a system's seed data is, as data and pure functions. `seeds/<system>` defines it; the loader, the marker and
 * the removal know nothing of any one system.
 */

/** The sizes that every definition has, smallest first. */
export const SCALES = ['demo', 'small', 'medium', 'large'] as const
export type Scale = (typeof SCALES)[number]

/** A value as COPY takes it: times and JSON are already text, SQL NULL is null. */
export type SeedValue = string | number | boolean | null

/** The values of one row, in the order of its table's columns. */
export type SeedRow = readonly SeedValue[]

export interface SeedTable {
  readonly table: string
  /** Prefix of its ids (decision 10). */
  readonly idPrefix: string
  /** Columns that are filled, in order; the first is the primary key. */
  readonly columns: readonly string[]
}

/** What the rows depend on, besides the code: equal parameters give equal rows on every machine. */
export interface SeedParameters {
  /** Rows of the system's leading entity (tasks); every other table follows from it. */
  readonly size: number
  readonly seed: number
  /** End of the simulated time, not included, in microseconds since 1970 UTC. */
  readonly until: number
  /** URL that artifact URIs start with, without a slash at the end. */
  readonly artifactRoot: string
}

/** A set of rows that is loaded in one transaction, after the parts before it. */
export interface SeedPart {
  readonly loads: readonly { readonly table: SeedTable; readonly rows: () => Iterable<SeedRow> }[]
}

/** A file that a row stands for. */
export interface SeedFile {
  /** The URI in the row; starts with the artifact root of the parameters. */
  readonly uri: string
  readonly content: () => Uint8Array
}

/** Seed data for one set of parameters. */
export interface SeedPlan {
  /** Parts in order. `part` is pure, so loading can go on with any part after the last one that was committed. */
  readonly parts: number
  readonly part: (index: number) => SeedPart
  /** Files of the rows, none where the data is too large to have real ones. */
  readonly files: () => Iterable<SeedFile>
}

export interface SeedDefinition {
  readonly system: string
  /** Plural of the leading entity, whose rows `size` counts: `tasks`. */
  readonly unit: string
  readonly scales: Readonly<Record<Scale, number>>
  /** Largest size that `--rows` accepts. */
  readonly maxSize: number
  /** Days before the end of the simulated time in which rows lie, at most. */
  readonly historyDays: number
  /** Every table, parents before children. */
  readonly tables: readonly SeedTable[]
  /** Rows to expect by table name: exact for the smallest tables, within a few per cent for the others. */
  readonly expectedRows: (size: number) => ReadonlyMap<string, number>
  readonly plan: (parameters: SeedParameters) => SeedPlan
}
