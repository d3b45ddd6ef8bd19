/**
 * The rows that go together: everything below the roots over the keys that are followed, less the aggregates of which
 * something must stay. One algorithm for the plan, which only looks, and for a batch, which locks what it finds.
 *
 * What goes in the end is closed: it holds the whole closure of each of its roots, every row of it is locked, and no
 * row that stays refers to one that goes, over any key but those that the rule lets go of.
 */
import type { Queryable } from '../db/database.ts'
import { IN_USE, type Kept } from '../model/job.ts'
import { identifier, sql } from '../model/sql.ts'
import type { Key } from './catalog.ts'
import type { Table } from './catalog-tables.ts'
import {
  type DetachAnswer,
  type DownAnswer,
  detachSql,
  downSql,
  type From,
  type HoldAnswer,
  type Holding,
  holdsSql,
  upSql,
} from './levels.ts'
import { Keeping, ringOf, stillReferenced } from './reasons.ts'
import { leavesWith, Rows, type RowsAnswer, relation } from './rows.ts'
import type { Selection } from './selection.ts'
import type { Shape, Stage } from './shape.ts'

/** Rows of one closure up to which aggregates that refer to each other are pulled into it. */
export const RING_ROWS = 100_000

export interface ClosureOptions {
  readonly shape: Shape
  readonly selection: Selection
  /** Locks the rows; false for a plan. */
  readonly lock: boolean
  /** Rows from which `TooManyRows` is thrown, unless it is one root's closure; no bound when absent. */
  readonly mostRows?: number
  /** Rows up to which other due roots are pulled in; `RING_ROWS` when absent. */
  readonly ringRows?: number
}

/** The closure of these roots is more than a batch takes; fewer roots make less. */
export class TooManyRows extends Error {}

export interface Detached {
  readonly key: Key
  readonly rows: Rows
}

export interface Closure {
  /** Roots that go: those that were asked for and not kept, and the due ones that had to come along. */
  readonly roots: Rows
  /** Rows that go by table, the roots among them; tables without rows are left out. */
  readonly rows: ReadonlyMap<Table, Rows>
  readonly detached: readonly Detached[]
  /** Roots of those that were asked for that stay, by reason. */
  readonly kept: readonly Kept[]
  /** Some of them may go once others have gone. */
  readonly mayGoLater: boolean
}

/** Rows of which something must stay, and why. */
interface Bad {
  readonly table: Table
  readonly rows: Rows
  readonly reason: string
  /** What keeps it may go itself. */
  readonly mayGoLater: boolean
}

/**
 * Finds the closure of roots.
 *
 * @param roots due, and locked where `lock` is true
 * @throws TooManyRows
 */
export async function closureOf(tx: Queryable, asked: Rows, options: ClosureOptions): Promise<Closure> {
  const search = new Search(tx, options)
  return search.run(asked)
}

class Search {
  readonly #tx: Queryable
  readonly #options: ClosureOptions
  #sets = new Map<number, Rows>()
  #stuck: Bad[] = []
  #roots = new Rows()
  #ringTooLarge = false

  constructor(tx: Queryable, options: ClosureOptions) {
    this.#tx = tx
    this.#options = options
  }

  async run(asked: Rows): Promise<Closure> {
    const { shape } = this.#options
    await this.#expand(asked)
    await this.#pull()
    const keeping = new Keeping()
    let mayGoLater = false
    for (;;) {
      const { bad, detached } = await this.#whatMustStay()
      if (bad.length === 0) {
        const rows = new Map<Table, Rows>()
        for (const table of shape.tables) {
          const set = this.#sets.get(table.oid)
          if (set !== undefined && !set.isEmpty) rows.set(table, set)
        }
        return { roots: this.#roots, rows, detached, kept: keeping.list(), mayGoLater }
      }
      mayGoLater ||= bad.some((one) => one.mayGoLater)
      const left = await this.#leaveOut(bad, asked, keeping)
      this.#sets = new Map()
      this.#stuck = []
      this.#roots = new Rows()
      if (!left.isEmpty) await this.#expand(left)
    }
  }

  /** Adds roots and all that is below them. */
  async #expand(roots: Rows): Promise<void> {
    const { shape } = this.#options
    const known = this.#sets.get(shape.root.oid)
    const fresh = known === undefined ? roots : await this.#notYet(roots, known)
    this.#roots.addAll(roots)
    const frontier = new Map<number, Rows>([[shape.root.oid, fresh]])
    this.#put(shape.root, fresh)
    for (const stage of shape.stages) {
      if (stage.isRing) await this.#expandRing(stage, frontier)
      else for (const table of stage.tables) await this.#visit(table, shape.followed, frontier, frontier)
    }
  }

  /** Roots that are pulled in may be in the closure already, below others. */
  async #notYet(roots: Rows, known: Rows): Promise<Rows> {
    return roots.without(known)
  }

  async #expandRing({ tables }: Stage, frontier: Map<number, Rows>): Promise<void> {
    const { followed } = this.#options.shape
    const members = new Set(tables.map(({ oid }) => oid))
    const inside = followed.filter(({ parent, child }) => members.has(parent) && members.has(child))
    const inward = followed.filter(({ parent, child }) => !members.has(parent) && members.has(child))
    for (const table of tables) await this.#visit(table, inward, frontier, frontier)
    let wave = new Map(tables.flatMap(({ oid }) => (frontier.has(oid) ? [[oid, frontier.get(oid)] as const] : [])))
    while ([...wave.values()].some((rows) => rows !== undefined && !rows.isEmpty)) {
      const next = new Map<number, Rows>()
      for (const table of tables) await this.#visit(table, inside, wave, next)
      for (const [oid, rows] of next) {
        const before = frontier.get(oid) ?? new Rows()
        const both = new Rows()
        both.addAll(before)
        both.addAll(rows)
        frontier.set(oid, both)
      }
      wave = next
    }
  }

  /** Finds the rows of one table that refer to the newest ones of others. */
  async #visit(
    table: Table,
    keys: readonly Key[],
    from: ReadonlyMap<number, Rows | undefined>,
    into: Map<number, Rows>,
  ): Promise<void> {
    const { shape, lock } = this.#options
    const ways = keys.flatMap((key): From[] => {
      const parents = key.child === table.oid ? from.get(key.parent) : undefined
      return parents === undefined || parents.isEmpty ? [] : [{ key, parents, parent: shape.table(key.parent) }]
    })
    if (ways.length === 0 || table.leaves.length === 0) return
    const answers = await this.#tx.rows<DownAnswer>(downSql(table, ways, this.#sets.get(table.oid), lock))
    const rows = Rows.of(answers.filter(({ kind }) => kind === 'row'))
    for (const answer of answers) {
      const way = answer.kind === 'stuck' && answer.key !== null ? ways[answer.key] : undefined
      if (way !== undefined)
        this.#stuck.push({ table: way.parent, rows: Rows.of([answer]), reason: IN_USE, mayGoLater: false })
    }
    const before = into.get(table.oid)
    if (before === undefined) into.set(table.oid, rows)
    else {
      const both = new Rows()
      both.addAll(before)
      both.addAll(rows)
      into.set(table.oid, both)
    }
    this.#put(table, rows)
  }

  #put(table: Table, rows: Rows): void {
    const set = this.#sets.get(table.oid)
    if (set !== undefined) set.addAll(rows)
    else {
      const own = new Rows()
      own.addAll(rows)
      this.#sets.set(table.oid, own)
    }
    const { mostRows = Number.POSITIVE_INFINITY } = this.#options
    if (this.#count > mostRows && this.#roots.count > 1) throw new TooManyRows()
  }

  get #count(): number {
    return [...this.#sets.values()].reduce((sum, rows) => sum + rows.count, 0)
  }

  /** Due roots whose closures refer to this one come along, so that rings go together. */
  async #pull(): Promise<void> {
    const { ringRows = RING_ROWS } = this.#options
    for (;;) {
      const pulled = await this.#ownersOfHolders(await this.#holds())
      if (pulled.isEmpty) return
      if (this.#count > ringRows) {
        this.#ringTooLarge = true
        return
      }
      await this.#expand(pulled)
    }
  }

  /** What stays refers to it, over a key that is neither followed nor let go of. */
  async #holds(): Promise<{ holding: Holding; held: Rows; by: Rows }[]> {
    const { shape } = this.#options
    const inside = new Set(shape.tables.map(({ oid }) => oid))
    const holdings = shape.holding.flatMap((key): Holding[] => {
      const parents = this.#sets.get(key.parent)
      if (parents === undefined || parents.isEmpty) return []
      const names = inside.has(key.child)
      return [{ key, parents, parent: shape.table(key.parent), going: this.#sets.get(key.child), names }]
    })
    if (holdings.length === 0) return []
    const answers = await this.#tx.rows<HoldAnswer>(holdsSql(holdings))
    return holdings.flatMap((holding, index) => {
      const of = (kind: HoldAnswer['kind']) =>
        Rows.of(answers.filter((answer) => answer.key === index && answer.kind === kind))
      const held = of('held')
      return held.isEmpty ? [] : [{ holding, held, by: of('by') }]
    })
  }

  /** Due roots, not yet among those that go, whose closures the holding rows belong to. */
  async #ownersOfHolders(holds: readonly { holding: Holding; by: Rows }[]): Promise<Rows> {
    const { shape, lock, selection } = this.#options
    const start = new Map<number, Rows>()
    for (const { holding, by } of holds) merge(start, holding.key.child, by)
    const owners = await this.#climb(start, undefined)
    const roots = owners.get(shape.root.oid)
    if (roots === undefined) return new Rows()
    const fresh = roots.without(this.#roots)
    return fresh.isEmpty ? fresh : dueAmong(this.#tx, shape.root, selection, fresh, lock)
  }

  /**
   * Goes up over the keys that are followed, as far as they lead.
   *
   * @param within only through these sets; through any row when absent
   */
  async #climb(
    start: ReadonlyMap<number, Rows>,
    within: ReadonlyMap<number, Rows> | undefined,
  ): Promise<Map<number, Rows>> {
    const { shape } = this.#options
    const seen = new Map<number, Rows>(start)
    let wave = new Map(start)
    while (wave.size > 0) {
      const next = new Map<number, Rows>()
      for (const key of shape.followed) {
        const rows = wave.get(key.child)
        const among = within?.get(key.parent)
        if (rows === undefined || rows.isEmpty || (within !== undefined && among === undefined)) continue
        const child = shape.table(key.child)
        const answers = await this.#tx.rows<RowsAnswer>(upSql(key, child, rows, shape.table(key.parent), among))
        const found = Rows.of(answers)
        const known = seen.get(key.parent)
        const fresh = known === undefined ? found : found.without(known)
        if (fresh.isEmpty) continue
        merge(seen, key.parent, fresh)
        merge(next, key.parent, fresh)
      }
      wave = next
    }
    return seen
  }

  async #whatMustStay(): Promise<{ bad: Bad[]; detached: Detached[] }> {
    const { shape, ringRows = RING_ROWS } = this.#options
    const holds = await this.#holds()
    const bad = [...this.#stuck]
    for (const { holding, held, by } of holds) {
      const inRing =
        this.#ringTooLarge && !(await this.#ownersOfHolders([{ holding, by }])).isEmpty ? ringOf(ringRows) : undefined
      const reason = inRing ?? stillReferenced(holding.key, shape.isElsewhere(holding.key))
      bad.push({ table: shape.table(holding.key.parent), rows: held, reason, mayGoLater: holding.names })
    }
    if (bad.length > 0) return { bad, detached: [] }
    const detached: Detached[] = []
    for (const key of shape.detaching) {
      const parents = this.#sets.get(key.parent)
      const child = shape.table(key.child)
      if (parents === undefined || parents.isEmpty || child.leaves.length === 0) continue
      const holding = { key, parents, parent: shape.table(key.parent), going: this.#sets.get(key.child), names: true }
      const answers = await this.#tx.rows<DetachAnswer>(detachSql(holding, child, this.#options.lock))
      const rows = Rows.of(answers.filter(({ kind }) => kind === 'row'))
      const stuck = Rows.of(answers.filter(({ kind }) => kind === 'stuck'))
      if (!stuck.isEmpty) bad.push({ table: holding.parent, rows: stuck, reason: IN_USE, mayGoLater: false })
      if (!rows.isEmpty) detached.push({ key, rows })
    }
    return { bad, detached }
  }

  /** Takes out the roots whose closures have a bad row. @returns the roots that are left */
  async #leaveOut(bad: readonly Bad[], asked: Rows, keeping: Keeping): Promise<Rows> {
    const { shape } = this.#options
    let left = this.#roots
    for (const { table, rows, reason } of bad) {
      const above = await this.#climb(new Map([[table.oid, rows]]), this.#sets)
      const dropped = left.common(above.get(shape.root.oid) ?? new Rows())
      keeping.add(reason, dropped.common(asked).count)
      left = left.without(dropped)
    }
    if (left.count === this.#roots.count) throw new Error('a row that must stay belongs to no root')
    return left
  }
}

function merge(into: Map<number, Rows>, table: number, rows: Rows): void {
  const before = into.get(table)
  const both = new Rows()
  if (before !== undefined) both.addAll(before)
  both.addAll(before === undefined ? rows : rows.without(before))
  into.set(table, both)
}

/** Those rows of the root's table that are due; where `lock` is true, those that could be locked. */
export async function dueAmong(
  tx: Queryable,
  root: Table,
  selection: Selection,
  rows: Rows,
  lock: boolean,
): Promise<Rows> {
  const due = new Rows()
  for (const { leaf, tids } of leavesWith(root, rows)) {
    const found = await tx.rows<RowsAnswer>(sql`
      WITH due AS MATERIALIZED (
        SELECT ${identifier('r', 'tableoid')} AS t, ${identifier('r', 'ctid')} AS c
        FROM ${relation(leaf)} AS r
        WHERE r.ctid = ANY (${tids}::tid[])
          AND ${selection.due('r')}
        ${lock ? sql`FOR UPDATE OF r SKIP LOCKED` : sql``}
      )
      SELECT t AS leaf, COUNT(*)::integer AS rows, array_agg(c)::text AS tids
      FROM due
      GROUP BY t`)
    for (const answer of found) due.add(answer)
  }
  return due
}
