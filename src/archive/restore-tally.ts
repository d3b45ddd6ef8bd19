/** Counting what a restore does, or would do: by table, and what waits with the reason. */
import { type Problem, RefusedError } from '../errors.ts'
import type { Waiting } from './restore-closure.ts'
import { RowSet } from './restore-rows.ts'

export interface TableCount {
  readonly schema: string
  readonly table: string
  /** Rows put back. */
  readonly rows: bigint
  /** Rows that were in their table already, and left the archive. */
  readonly there: bigint
  /** Rows that stay in the archive because a row that they refer to is not there. */
  readonly waiting: bigint
}

export interface WaitingCount {
  readonly schema: string
  readonly table: string
  readonly rows: bigint
  /** What they wait for: `skyvern.tasks of batch 9 (fk_steps_task)`. */
  readonly reason: string
}

/** Batches named in one reason. */
const NAMED = 3

export class Tally {
  readonly #schema: string
  readonly #counts = new Map<string, { rows: bigint; there: bigint }>()
  readonly #reasons = new Map<
    string,
    { table: string; to: string; key: string; batches: Set<bigint | null>; rows: bigint }
  >()
  /** Rows that wait. */
  readonly waiting = new RowSet()
  /** How many of them were asked for themselves. */
  askedWaiting = 0n

  constructor(schema: string) {
    this.#schema = schema
  }

  add(table: string, rows: bigint, there: bigint): void {
    const before = this.#counts.get(table) ?? { rows: 0n, there: 0n }
    this.#counts.set(table, { rows: before.rows + rows, there: before.there + there })
  }

  /** @param asked rows that were asked for */
  wait(waiting: readonly Waiting[], asked: RowSet): void {
    for (const { table, row, batch, key, parentBatch } of waiting) {
      // A row may be met again in another portion.
      if (!this.waiting.add(table, row, batch)) continue
      if (asked.has(table, row)) this.askedWaiting += 1n
      const id = `${table}.${key.name}`
      const to = `${key.referencedSchema}.${key.referencedTable}`
      const reason = this.#reasons.get(id) ?? { table, to, key: key.name, batches: new Set(), rows: 0n }
      reason.batches.add(parentBatch)
      this.#reasons.set(id, { ...reason, rows: reason.rows + 1n })
    }
  }

  get restored(): bigint {
    return [...this.#counts.values()].reduce((sum, { rows }) => sum + rows, 0n)
  }

  get tables(): TableCount[] {
    const names = [...new Set([...this.#counts.keys(), ...this.waiting.tables])].sort()
    return names.map((table) => ({
      schema: this.#schema,
      table,
      rows: this.#counts.get(table)?.rows ?? 0n,
      there: this.#counts.get(table)?.there ?? 0n,
      waiting: BigInt(this.waiting.of(table).size),
    }))
  }

  get reasons(): WaitingCount[] {
    return [...this.#reasons.values()].map(({ table, to, key, batches, rows }) => ({
      schema: this.#schema,
      table,
      rows,
      reason: `${to} ${whereabouts(batches)} (${key})`,
    }))
  }
}

function whereabouts(batches: ReadonlySet<bigint | null>): string {
  const known = [...batches].filter((batch) => batch !== null).sort((a, b) => (a < b ? -1 : 1))
  const places: string[] = []
  if (known.length > 0) {
    const more = known.length - NAMED
    const names = known.slice(0, NAMED).join(', ')
    places.push(`of batch ${names}${more > 0 ? ` and ${more} more` : ''}`)
  }
  if (batches.has(null)) places.push('that is neither there nor in the archive tables')
  return places.join(', or ')
}

/** @throws RefusedError (exit 5) when anything stands in the way */
export function refuse(problems: readonly Problem[], what: string): void {
  if (problems.length === 0) return
  const dropped = problems.some(({ reason }) => reason.startsWith('the column is gone'))
  throw new RefusedError({
    code: 'restore-conflict',
    message: `${what} cannot be restored as it is archived; nothing of it was`,
    hint: dropped
      ? '--drop-columns lets go of values whose column is gone; rows that are in the way must be changed or deleted first'
      : 'Change or delete what is in the way, then restore again; the archived rows stay where they are',
    problems,
  })
}
