/** Why roots that are due stay, in words that are the same everywhere, and counted. */
import type { Kept } from '../model/job.ts'
import type { Key } from './catalog.ts'

/** The rule's `unlessActive`. */
export const STILL_ACTIVE = 'still active'

/**
 * `still referenced by public.invoices (fk_invoices_order)`.
 *
 * @param isElsewhere its rows would go along if they were of the same schema
 */
export function stillReferenced(
  { childRelation: { schema, name }, name: constraint }: Key,
  isElsewhere = false,
): string {
  return `still referenced by ${schema}.${name} (${constraint})${isElsewhere ? ', and rows of another schema do not go along' : ''}`
}

/** Aggregates that refer to each other, and are more than go into one batch. */
export function ringOf(mostRows: number): string {
  return `part of a ring of more than ${mostRows.toLocaleString('en')} rows`
}

/** Counts by reason, the most frequent first. */
export class Keeping {
  readonly #rows = new Map<string, number>()

  add(reason: string, rows: number): void {
    if (rows > 0) this.#rows.set(reason, (this.#rows.get(reason) ?? 0) + rows)
  }

  addAll(kept: Iterable<Kept>): void {
    for (const { reason, rows } of kept) this.add(reason, Number(rows))
  }

  get total(): number {
    return [...this.#rows.values()].reduce((sum, rows) => sum + rows, 0)
  }

  list(): Kept[] {
    return [...this.#rows]
      .toSorted(([a, many], [b, few]) => few - many || a.localeCompare(b))
      .map(([reason, rows]) => ({ reason, rows: BigInt(rows) }))
  }
}
