/**
 * Sets of rows by where they lie: `tableoid` and `ctid`, which stay as they are while the rows are locked. They travel
 * as the text of tid arrays that the server made and reads again; nothing here looks at a single row.
 */
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Key, KeyPair } from './catalog.ts'
import type { Leaf, Table } from './catalog-tables.ts'

/** A part of a set as the server tells it. */
export interface RowsAnswer {
  /** OID of the leaf. */
  readonly leaf: number
  readonly rows: number
  /** `{"(0,1)","(0,2)"}`. */
  readonly tids: string
}

/** Rows of one table. */
export class Rows {
  readonly #leaves = new Map<number, { rows: number; readonly parts: string[] }>()

  static of(answers: Iterable<RowsAnswer>): Rows {
    const rows = new Rows()
    for (const answer of answers) rows.add(answer)
    return rows
  }

  /** Rows that are not in the set yet. */
  add({ leaf, rows, tids }: RowsAnswer): void {
    if (rows === 0) return
    const found = this.#leaves.get(leaf) ?? { rows: 0, parts: [] }
    found.rows += rows
    found.parts.push(tids.slice(1, -1))
    this.#leaves.set(leaf, found)
  }

  /** Adds a set that has no row in common with this one. */
  addAll(other: Rows): void {
    for (const answer of other.answers()) this.add(answer)
  }

  get count(): number {
    let count = 0
    for (const { rows } of this.#leaves.values()) count += rows
    return count
  }

  get isEmpty(): boolean {
    return this.#leaves.size === 0
  }

  answers(): RowsAnswer[] {
    return [...this.#leaves].map(([leaf, { rows, parts }]) => ({ leaf, rows, tids: `{${parts.join(',')}}` }))
  }

  /** Rows of one leaf. */
  countIn(leaf: number): number {
    return this.#leaves.get(leaf)?.rows ?? 0
  }

  /** Each row by itself, as `leaf` and `tid`: for small sets. */
  single(): { readonly leaf: number; readonly tid: string }[] {
    return this.answers().flatMap(({ leaf, tids }) => tidsIn(tids).map((tid) => ({ leaf, tid })))
  }

  /** This set without some rows; those that are not in it are passed over. */
  without(others: Rows): Rows {
    const gone = new Set(others.single().map(nameOfRow))
    return rowsOf(this.single().filter((row) => !gone.has(nameOfRow(row))))
  }

  /** The rows that are in both. */
  common(others: Rows): Rows {
    const both = new Set(others.single().map(nameOfRow))
    return rowsOf(this.single().filter((row) => both.has(nameOfRow(row))))
  }
}

function nameOfRow({ leaf, tid }: { readonly leaf: number; readonly tid: string }): string {
  return `${leaf} ${tid}`
}

/** `(0,1)` and so on, from the text of an array. */
export function tidsIn(array: string): string[] {
  return array.match(/\(\d+,\d+\)/g) ?? []
}

/** A set of single rows. */
export function rowsOf(rows: Iterable<{ readonly leaf: number; readonly tid: string }>): Rows {
  const leaves = new Map<number, string[]>()
  for (const { leaf, tid } of rows) {
    const tids = leaves.get(leaf)
    if (tids) tids.push(`"${tid}"`)
    else leaves.set(leaf, [`"${tid}"`])
  }
  return Rows.of([...leaves].map(([leaf, tids]) => ({ leaf, rows: tids.length, tids: `{${tids.join(',')}}` })))
}

/**
 * A query for the rows of a set as they are: `t` and `c` (where each lies), and columns of the table. Every leaf is
 * read by its tids (TidScan), so it costs what the set costs, whatever the size of the table.
 *
 * @param columns names by the alias they get
 * @param within only rows of this relation: the table, or a partition of it that a key refers to
 */
export function rowsSql(table: Table, rows: Rows, columns: Readonly<Record<string, string>>, within: number): Sql {
  const list = join([
    raw('x.tableoid AS t'),
    raw('x.ctid AS c'),
    ...Object.entries(columns).map(([alias, name]) => sql`${identifier('x', name)} AS ${identifier(alias)}`),
  ])
  const parts = leavesWith(table, rows, within).map(
    ({ leaf, tids }) => sql`SELECT ${list} FROM ${relation(leaf)} AS x WHERE x.ctid = ANY (${tids}::tid[])`,
  )
  if (parts.length > 0) return join(parts, '\n      UNION ALL ')
  return sql`SELECT ${list} FROM ${relation(table)} AS x WHERE FALSE`
}

/**
 * Settings of the transactions that work on sets of rows. Pages were just read when rows are gone to again, so that
 * going to them one by one (TidScan, index scan) costs hardly more than the processor's time: the planner would rather
 * read whole tables, batch after batch. Compiling statements that run once takes longer than running them.
 */
export const PLANNER_SETTINGS: Readonly<Record<string, string>> = { random_page_cost: '0.1', jit: 'off' }

/**
 * Condition that a row lies at one of these places, for statements on one table: the planner does not see how many
 * there are, and always goes to them directly (TidScan). In a join it had better know.
 *
 * @param alias of the leaf
 */
export function liesAt(alias: string, tids: string): Sql {
  return sql`${identifier(alias, 'ctid')} = ANY (ARRAY(SELECT unnest(${tids}::tid[])))`
}

/** The leaves of a table that have rows of the set, with their tids. */
export function leavesWith(table: Table, rows: Rows, within = table.oid): { leaf: Leaf; tids: string }[] {
  return rows.answers().flatMap(({ leaf: oid, tids }) => {
    const leaf = table.leaves.find((one) => one.oid === oid)
    return leaf?.within.includes(within) || leaf?.oid === within ? [{ leaf, tids }] : []
  })
}

/** A FROM item with `t` and `c` of each row of the set, without reading a table. */
export function placesSql(rows: Rows): Sql {
  const parts = rows.answers().map(({ leaf, tids }) => sql`SELECT ${leaf}::oid AS t, unnest(${tids}::tid[]) AS c`)
  return parts.length === 0 ? sql`SELECT 0::oid AS t, NULL::tid AS c WHERE FALSE` : join(parts, ' UNION ALL ')
}

/** `AND NOT EXISTS (…)`: the row is not in the set; nothing for an empty one. */
export function notIn(rows: Rows | undefined, alias: string): Sql {
  if (rows === undefined || rows.isEmpty) return raw('')
  return sql`AND NOT EXISTS (
        SELECT FROM (${placesSql(rows)}) AS known WHERE known.t = ${raw(alias)}.tableoid AND known.c = ${raw(alias)}.ctid
      )`
}

/** A quoted relation. */
export function relation({ schema, name }: { readonly schema: string; readonly name: string }): Sql {
  return identifier(schema, name)
}

/** The referenced columns of a key under short aliases, for `rowsSql`. */
export function referencedColumns({ pairs }: Key): Record<string, string> {
  return Object.fromEntries(pairs.map(({ referenced }, index) => [`k${index}`, referenced]))
}

/** The referring columns of a key under short aliases, for `rowsSql`. */
export function referringColumns({ pairs }: Key): Record<string, string> {
  return Object.fromEntries(pairs.map(({ column }, index) => [`k${index}`, column]))
}

/**
 * Condition that a row refers to another over a key, with the operators and collations that the database itself checks
 * the key by (as ri_triggers.c does): a plain `=` could be another operator than the key's.
 *
 * @param parent column of the referenced row for each pair
 * @param child column of the referring row for each pair
 */
export function refersSql(
  { pairs }: Key,
  parent: (pair: KeyPair, index: number) => Sql,
  child: (pair: KeyPair, index: number) => Sql,
): Sql {
  const conditions = pairs.map((pair, index) => {
    const [schema, name] = pair.operator
    const operator = schema === 'pg_catalog' ? raw(name) : sql`OPERATOR(${identifier(schema)}.${raw(name)})`
    const collate = pair.collation === null ? raw('') : raw(` COLLATE ${pair.collation}`)
    return sql`${parent(pair, index)} ${operator} ${child(pair, index)}${collate}`
  })
  return join(conditions, ' AND ')
}
