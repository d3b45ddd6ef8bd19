/** Which tables a maintenance job is about, checked against the catalog before anything is planned. */
import { NotFoundError } from '../errors.ts'
import { nearest } from '../model/nearest.ts'

export interface Selection {
  /** Schemas to look at. */
  readonly schemas: readonly string[]
  /** Tables named by the user, `tasks` or `skyvern.tasks`; all of the schemas when empty. */
  readonly tables: readonly string[]
  /** Work on every selected table, needed or not. Tables that were named always are. */
  readonly all: boolean
}

/**
 * Keeps what was named, or everything when nothing was.
 *
 * @throws NotFoundError when a name matches no table
 */
export function selected<T extends { readonly schema: string; readonly table: string }>(
  found: readonly T[],
  selection: Selection,
): T[] {
  const names = new Set(found.flatMap((each) => [each.table, `${each.schema}.${each.table}`]))
  const unknown = selection.tables.filter((name) => !names.has(name))
  if (unknown.length > 0) {
    const near = nearest(unknown[0] ?? '', [...names])
    throw new NotFoundError({
      code: 'no-such-table',
      message: `No table ${unknown.join(', ')} in ${selection.schemas.join(', ')}`,
      hint: near === undefined ? 'Name tables as tasks or skyvern.tasks' : `Did you mean ${near}?`,
    })
  }
  if (selection.tables.length === 0) return [...found]
  return found.filter(
    (each) => selection.tables.includes(each.table) || selection.tables.includes(`${each.schema}.${each.table}`),
  )
}

/** Named tables, and all tables with `--all`, are worked on whether they need it or not. */
export function isForced(selection: Selection): boolean {
  return selection.all || selection.tables.length > 0
}
