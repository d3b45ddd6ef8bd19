/** Before a run: what it reaches, whether it may, and whether anything stands in the way; all of it told together. */
import type { Database, Queryable } from '../db/database.ts'
import { NotFoundError, OperationError, type Problem, summed } from '../errors.ts'
import { concernedOids, type Prepared } from './batch.ts'
import { questionOf } from './candidates.ts'
import { fingerprintSql, readCatalog } from './catalog.ts'
import type { Privilege, Table } from './catalog-tables.ts'
import type { Selection } from './selection.ts'
import { type Shape, shapeOf } from './shape.ts'

/**
 * Reads what a selection reaches. Call it in a transaction with an empty search path and one snapshot.
 *
 * @throws NotFoundError (exit 4) when the table is not there
 * @throws OperationError (exit 6) naming every table that cannot be archived, and why
 */
export async function readShape(tx: Queryable, selection: Selection): Promise<Shape> {
  const catalog = await readCatalog(tx, selection)
  if (catalog === undefined) {
    throw new NotFoundError({
      code: 'table-missing',
      message: `There is no table ${selection.schema}.${selection.table}`,
      hint: 'Run steward migrate status; a table of another schema is named with it',
    })
  }
  const shape = shapeOf(catalog, selection)
  refuse('cannot-archive', obstaclesOf(shape), 'Nothing was moved')
  return shape
}

/** Milliseconds for each wait for a lock: some functions of the catalog wait for whoever alters a table. */
const LOCK_MS = 1000

/** Reads it in a snapshot of its own, with the fingerprint by which batches see that it changed. */
export function prepare(db: Database, selection: Selection): Promise<Prepared> {
  return db.transaction(
    async (tx) => {
      const shape = await readShape(tx, selection)
      const { fingerprint } = await tx.one<{ fingerprint: string }>(fingerprintSql(concernedOids(shape)))
      return { selection, shape, fingerprint, question: questionOf(selection, shape.root) }
    },
    { readOnly: true, isolation: 'repeatable read', lockTimeoutMs: LOCK_MS, settings: { search_path: '' } },
  )
}

function obstaclesOf({ root, tables }: Shape): Problem[] {
  const problems = tables.flatMap((table) => table.obstacles.map((reason) => ({ where: nameOf(table), reason })))
  if (problems.length === 0 && root.key.length === 0) {
    const reason = 'has neither a primary key nor a unique key without NULLs, by which its rows could be told apart'
    problems.push({ where: nameOf(root), reason })
  }
  return problems
}

/** Privileges that this role lacks to move rows, table by table; none of it is needed for a plan. */
export function missingPrivileges({ tables, holding, detaching, table }: Shape): Problem[] {
  const wanted = new Map<Table, Set<Privilege>>()
  const want = (of: Table, ...privileges: readonly Privilege[]) => {
    wanted.set(of, new Set([...(wanted.get(of) ?? []), ...privileges]))
  }
  for (const one of tables) want(one, 'SELECT', 'UPDATE', 'DELETE')
  for (const { child } of holding) want(table(child), 'SELECT')
  for (const { child } of detaching) want(table(child), 'SELECT', 'UPDATE')
  return [...wanted].flatMap(([one, privileges]) => {
    const missing = one.missing.filter((privilege) => privileges.has(privilege))
    return missing.length === 0 ? [] : [{ where: nameOf(one), reason: `needs the privilege ${missing.join(', ')}` }]
  })
}

/** @throws OperationError (exit 6) naming what this role may not do, all of it */
export function requirePrivileges(shape: Shape): void {
  refuse(
    'permission-denied',
    missingPrivileges(shape),
    'Have it granted on the table and its partitions; nothing was moved',
  )
}

function refuse(code: string, problems: readonly Problem[], hint: string): void {
  if (problems.length === 0) return
  throw new OperationError({ code, hint, ...summed(problems, 'things stand in the way of the archive') })
}

/** `public.orders`. */
export function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`
}
