/** Indexes that are missing: each deletion looks for referring rows, over every key, once a row. */
import { identifier, join, sql } from '../model/sql.ts'
import type { Selection } from './selection.ts'
import type { Shape } from './shape.ts'

export interface MissingIndex {
  /** `public.lines`. */
  readonly table: string
  readonly columns: readonly string[]
  /** What it is for: `fk_lines_order`, or the age. */
  readonly for: string
  /** The statement that makes it. */
  readonly statement: string
}

/** Rows up to which reading all of a table costs less than an index on it does. */
const FEW_ROWS = 1000
/** Every change of a row sets them, and would have to change the index (and could not be a HOT update any more). */
const CHANGES_WITH_EVERY_UPDATE: readonly string[] = ['updated_at', 'modified_at']

/**
 * Referring columns, and the age, that no index leads with. Tables of few rows, by the server's statistics or else by
 * their size, are left out.
 */
export function missingIndexes(
  { root, followed, holding, detaching, agesWithoutIndex, table }: Shape,
  selection: Selection,
): MissingIndex[] {
  const found = new Map<string, MissingIndex>()
  for (const key of [...followed, ...holding, ...detaching]) {
    if (key.indexed || table(key.child).estimatedRows <= FEW_ROWS) continue
    const columns = key.pairs.map(({ column }) => column)
    add(key.childRelation, table(key.child).kind === 'p', columns, key.name)
  }
  for (const column of agesWithoutIndex) {
    if (root.estimatedRows <= FEW_ROWS || CHANGES_WITH_EVERY_UPDATE.includes(column)) continue
    add(root, root.kind === 'p', [column], `the age of ${selection.rule}`)
  }
  return [...found.values()]

  function add(
    { schema, name }: { readonly schema: string; readonly name: string },
    isPartitioned: boolean,
    columns: readonly string[],
    reason: string,
  ): void {
    const list = join(columns.map((column) => identifier(column)))
    // A partitioned table takes no CONCURRENTLY (PostgreSQL manual, CREATE INDEX): it is made on each partition first.
    const statement = isPartitioned
      ? sql`CREATE INDEX ON ${identifier(schema, name)} (${list})`
      : sql`CREATE INDEX CONCURRENTLY ON ${identifier(schema, name)} (${list})`
    const known = found.get(statement.text)
    found.set(statement.text, {
      table: `${schema}.${name}`,
      columns,
      for: known === undefined ? reason : `${known.for}, ${reason}`,
      statement: statement.text,
    })
  }
}
