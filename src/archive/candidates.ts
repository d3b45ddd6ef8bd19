/**
 * Roots that are due, oldest first, in chunks: one scan feeds many batches, so that a table without a fitting index is
 * not scanned for each. A chunk remembers where rows lie, no more than a hint: a batch locks the row that is there and
 * asks again whether it is due.
 *
 * The cursor says where a rule goes on, behind what it has moved or kept back, by age and key (keyset): it is stored in
 * the transaction of each batch, and is gone when the end was reached.
 */
import { createHash } from 'node:crypto'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { stringifyJson } from '../db/json.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Table } from './catalog-tables.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { type Rows, relation, rowsOf, tidsIn } from './rows.ts'
import type { Selection } from './selection.ts'

/** Candidates that one scan fetches where an index leads to them, and where the whole table is read. */
const CHUNK = { indexed: 20_000, scanned: 100_000 } as const

/** Where a row stands in the order of a rule, values as PostgreSQL prints them. */
export interface Position {
  readonly age: string
  readonly key: readonly string[]
}

export interface Candidate {
  readonly leaf: number
  readonly tid: string
}

/** What the cursor of one rule is about: another question begins anew. */
export function questionOf(selection: Selection, root: Table): string {
  const { text, values } = selection.due('r')
  const said = stringifyJson([selection.schema, selection.table, text, values, selection.ageColumns, root.key])
  return createHash('sha256').update(said).digest('hex').slice(0, 16)
}

export async function readCursor(
  db: Queryable,
  { schema, rule }: Selection,
  question: string,
): Promise<Position | undefined> {
  const row = await db.maybeOne<{ position: { question: string; age: string; key: string[] } }>(sql`
    SELECT position
    FROM steward.retention_cursors
    WHERE schema_name = ${schema}
      AND rule = ${rule}`)
  if (row === undefined || row.position.question !== question) return undefined
  return { age: row.position.age, key: row.position.key }
}

/** Who moved the cursor. */
export interface CursorOwner {
  readonly runId: bigint
  readonly leaseToken: bigint
}

export async function storeCursor(
  tx: Transaction,
  { schema, rule }: Selection,
  question: string,
  { age, key }: Position,
  { runId, leaseToken }: CursorOwner,
): Promise<void> {
  await tx.execute(sql`
    INSERT INTO steward.retention_cursors (schema_name, rule, position, run_id, lease_token, moved_at)
    VALUES (${schema}, ${rule}, ${stringifyJson({ question, age, key })}::jsonb, ${runId}, ${leaseToken}, clock_timestamp())
    ON CONFLICT (schema_name, rule) DO UPDATE
    SET position = EXCLUDED.position, run_id = EXCLUDED.run_id, lease_token = EXCLUDED.lease_token,
        moved_at = EXCLUDED.moved_at`)
}

export async function dropCursor(tx: Queryable, { schema, rule }: Selection): Promise<void> {
  await tx.execute(sql`DELETE FROM steward.retention_cursors WHERE schema_name = ${schema} AND rule = ${rule}`)
}

/** The expression for a row's position: `age` and `key` as text. */
export function positionColumns(selection: Selection, root: Table, alias: string): Sql {
  const keys = root.key.map((name) => sql`${identifier(alias, name)}::text`)
  return sql`(${selection.age(alias)})::text AS age, ARRAY[${join(keys)}] AS key`
}

/** Columns and values to compare a position with, each value cast to the type of its column. */
function after(selection: Selection, root: Table, position: Position): Sql {
  const own = [selection.age('r'), ...root.key.map((name) => identifier('r', name))]
  const types = [selection.ageColumns[0] ?? '', ...root.key].map(
    (name) => root.columns.find((column) => column.name === name)?.type ?? 'text',
  )
  const values = [position.age, ...position.key].map((value, index) => sql`${value}::${raw(types[index] ?? 'text')}`)
  return sql`AND (${join(own)}) > (${join(values)})`
}

/** The statement that finds the next candidates. */
export function chunkSql(selection: Selection, root: Table, from: Position | undefined, limit: number): Sql {
  const key = root.key.map((name) => identifier('r', name))
  return sql`
    SELECT r.tableoid AS t, r.ctid AS c, ${positionColumns(selection, root, 'r')}
    FROM ${relation(root)} AS r
    WHERE ${selection.due('r')}
      ${from === undefined ? raw('') : after(selection, root, from)}
    ORDER BY ${join([selection.age('r'), ...key])}
    LIMIT ${limit}`
}

/** A run through the candidates of a rule, from a position to the end. */
export class Candidates {
  readonly #db: Database
  readonly #selection: Selection
  readonly #root: Table
  readonly #limit: number
  #chunk: readonly Candidate[] = []
  #at = 0
  #next: Position | undefined
  #ended = false

  constructor(db: Database, selection: Selection, root: Table, indexed: boolean, from: Position | undefined) {
    this.#db = db
    this.#selection = selection
    this.#root = root
    this.#limit = indexed ? CHUNK.indexed : CHUNK.scanned
    this.#next = from
  }

  /** The next candidates, at most so many; none when the end is reached. They come again until `advance`. */
  async peek(most: number): Promise<readonly Candidate[]> {
    while (this.#at >= this.#chunk.length && !this.#ended) await this.#fetch()
    return this.#chunk.slice(this.#at, this.#at + most)
  }

  /** Goes on behind so many. */
  advance(count: number): void {
    this.#at += count
  }

  async #fetch(): Promise<void> {
    const found = await this.#db.transaction(
      (tx) =>
        tx.one<{ leaves: number[]; tids: string; age: string | null; key: string[] | null }>(sql`
    WITH due AS MATERIALIZED (
      SELECT row_number() OVER () AS n, f.*
      FROM (${chunkSql(this.#selection, this.#root, this.#next, this.#limit)}
      ) AS f
    )
    SELECT COALESCE(array_agg(t ORDER BY n), '{}') AS leaves,
           COALESCE(array_agg(c ORDER BY n)::text, '{}') AS tids,
           (SELECT age FROM due ORDER BY n DESC LIMIT 1) AS age,
           (SELECT key FROM due ORDER BY n DESC LIMIT 1) AS key
    FROM due`),
      // However large the table is, the scan is one statement.
      { readOnly: true, settings: TEXT_SETTINGS, statementTimeoutMs: 0 },
    )
    const tids = tidsIn(found.tids)
    this.#chunk = tids.map((tid, index) => ({ leaf: found.leaves[index] ?? 0, tid }))
    this.#at = 0
    this.#ended = this.#chunk.length < this.#limit
    if (found.age !== null && found.key !== null) this.#next = { age: found.age, key: found.key }
  }
}

/** Candidates as a set of rows. */
export function candidateRows(candidates: readonly Candidate[]): Rows {
  return rowsOf(candidates)
}
