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

/** How the rows that seeding made are told from all others, by their primary key alone; see `ids.ts`. */
export type SeedIds =
  /** `<prefix>_<64-bit integer>` (decision 10). */
  | { readonly kind: 'prefixed'; readonly prefix: string }
  /** A column of type uuid. */
  | { readonly kind: 'uuid' }
  /** A text that holds a UUID. */
  | { readonly kind: 'uuid-text' }
  | { readonly kind: 'ulid' }
  /** Whole numbers: seeded rows have `from` and above, out of the reach of the column's sequence. */
  | { readonly kind: 'number'; readonly from: number }
  /** Texts that begin like no other. */
  | { readonly kind: 'text'; readonly startsWith: string }
  /** Natural keys, all of them known. */
  | { readonly kind: 'listed'; readonly values: readonly string[] }

export interface SeedTable {
  readonly table: string
  readonly ids: SeedIds
  /** Columns that are filled, in order; the first is the primary key. */
  readonly columns: readonly string[]
  /** Timestamp whose months are partitions; the loader makes those of the last `days` of the simulated time first. */
  readonly partitionedBy?: { readonly field: string; readonly days: number }
  /**
   * Columns that name rows of other tables without a foreign key, or with one that restricts, with the table. Rows that seeding did not make are
   * cleared together with the seeded ones they name, as a key with ON DELETE CASCADE would have it.
   */
  readonly follows?: Readonly<Record<string, string>>
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
  /** Settings of the transactions that load and clear, as SET LOCAL has them: `{ 'devflow.audit': 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Rows to expect by table name: exact for the smallest tables, within a few per cent for the others. */
  readonly expectedRows: (size: number) => ReadonlyMap<string, number>
  readonly plan: (parameters: SeedParameters) => SeedPlan
}

/** Sizes for leading entities with some ten to thirty rows each. Up to the largest, numbers in ids stay apart (`ids.ts`). */
export const USUAL_SIZES = {
  scales: { demo: 300, small: 5_000, medium: 50_000, large: 1_000_000 },
  maxSize: 2_000_000,
} as const satisfies Pick<SeedDefinition, 'scales' | 'maxSize'>
