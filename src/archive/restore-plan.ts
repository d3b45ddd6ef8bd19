/** What a restore would do, worked out in one snapshot without changing anything. */
import type { Database, Queryable } from '../db/database.ts'
import type { Problem } from '../errors.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { restoreCatalog } from './restore-catalog.ts'
import { check } from './restore-check.ts'
import { gather } from './restore-closure.ts'
import { groupsOf } from './restore-groups.ts'
import { missingArchiveIndexes } from './restore-indexes.ts'
import {
  type Portion,
  partlyRestored,
  portionOfRows,
  portionsOfBatch,
  type RestoreRequest,
} from './restore-request.ts'
import { RowSet } from './restore-rows.ts'
import { type TableCount, Tally, type WaitingCount } from './restore-tally.ts'

export interface RestorePlan {
  readonly schema: string
  readonly tables: readonly TableCount[]
  readonly waiting: readonly WaitingCount[]
  /** Rows that were asked for and wait. */
  readonly askedWaiting: bigint
  /** Batches that rows come from, or that were asked for. */
  readonly batches: readonly bigint[]
  /** Batches whose files are loaded first; their rows are not counted. */
  readonly cold: readonly bigint[]
  /** What stands in the way: nothing is restored as long as there is one. */
  readonly problems: readonly Problem[]
  /** Statements that would make indexes by which rows of aggregates are found, where all of an archive table is read. */
  readonly indexes: readonly string[]
}

/** @throws NotFoundError (exit 4) for rows that are neither archived nor there */
export function planRestore(db: Database, request: RestoreRequest): Promise<RestorePlan> {
  return db.transaction((tx) => plan(tx, request), {
    readOnly: true,
    isolation: 'repeatable read',
    statementTimeoutMs: 0,
    settings: TEXT_SETTINGS,
  })
}

async function plan(tx: Queryable, request: RestoreRequest): Promise<RestorePlan> {
  const { schema, what, dropColumns } = request
  const catalog = await restoreCatalog(tx, schema)
  const tally = new Tally(schema)
  const brought = new RowSet()
  const batches = new Set<bigint>()
  const problems: Problem[] = []
  const cold =
    what.kind === 'rows' ? what.cold : what.batches.filter(({ state }) => state === 'cold').map(({ batch }) => batch)
  const asked = what.kind === 'rows' ? [] : what.batches.map(({ batch }) => batch)
  // What comes of batches that come in part must be remembered row by row.
  const inWindow = what.kind === 'batches' && what.age !== undefined

  const count = async ({ seeds, reach }: Portion) => {
    const named = await seeds(tx)
    const arriving =
      what.kind === 'rows' ? {} : { arriving: { batches: inWindow ? [] : asked, waiting: tally.waiting, brought } }
    const { rows, waiting } = await gather(tx, catalog, named, { ...reach, ...arriving })
    // Rows of other batches may be reached from several portions, and come once.
    for (const table of rows.tables) {
      for (const [row] of rows.of(table)) if (brought.has(table, row)) rows.delete(table, row)
    }
    const groups = await groupsOf(tx, catalog, rows)
    const checked = await check(tx, catalog, groups, dropColumns)
    problems.push(...checked.problems)
    tally.wait(waiting, named)
    for (const table of rows.tables) {
      const there = BigInt(checked.there.of(table).size)
      tally.add(table, BigInt(rows.of(table).size) - there, there)
      for (const [row, batch] of rows.of(table)) {
        batches.add(batch)
        if (inWindow || !named.has(table, row)) brought.add(table, row, batch)
      }
    }
  }

  if (what.kind === 'rows') await count(portionOfRows(request, what, catalog, false))
  else {
    const partly = await partlyRestored(tx, schema)
    for (const batch of what.batches) {
      batches.add(batch.batch)
      if (batch.state !== 'archived') continue
      for (const portion of await portionsOfBatch(tx, request, what, batch, catalog, { asked, partly })) {
        await count(portion)
      }
    }
  }
  return {
    schema,
    tables: tally.tables,
    waiting: tally.reasons,
    askedWaiting: tally.askedWaiting,
    batches: [...batches].sort((a, b) => (a < b ? 1 : -1)),
    cold,
    problems,
    indexes: what.kind === 'rows' ? await missingArchiveIndexes(tx, catalog, request) : [],
  }
}
