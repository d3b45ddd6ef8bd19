/**
 * Restoring what was archived: whole aggregates, batches, or a window of time. Each portion is one transaction in which
 * the rows go back, are compared with what was archived, and leave the archive; killed anywhere, every row is in one
 * place.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Transaction } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import type { Stop } from '../db/pace.ts'
import { RefusedError, StewardError } from '../errors.ts'
import { requireBatches } from './batches.ts'
import { TEXT_SETTINGS } from './digest.ts'
import { MOVING } from './moving.ts'
import { type RestoreCatalog, restoreCatalog } from './restore-catalog.ts'
import { check } from './restore-check.ts'
import { gather } from './restore-closure.ts'
import { detachedKeys, type Reattached, reattach } from './restore-detached.ts'
import { groupsOf } from './restore-groups.ts'
import { type Held, holdRestored } from './restore-hold.ts'
import { type MissingMonth, MonthsMissing, makeMonths, missingMonths } from './restore-months.ts'
import { Differs, type Moved, move } from './restore-move.ts'
import { subtract } from './restore-records.ts'
import {
  type Portion,
  partlyRestored,
  portionOfRows,
  portionsOfBatch,
  type RestoreRequest,
} from './restore-request.ts'
import type { RowSet } from './restore-rows.ts'
import { refuse, type TableCount, Tally, type WaitingCount } from './restore-tally.ts'

/** Milliseconds that each wait for a lock may take. */
const LOCK_TIMEOUT_MS = 10_000
/** Tries of a portion that collided with another session. */
const MOST_TRIES = 6
const FIRST_PAUSE_MS = 20

/** Ends of a transaction after which the next try may find another state of things. */
const AGAIN = [
  'deadlock',
  'serialization-failure',
  'lock-timeout',
  // Both say that a row came or went after it was looked for.
  'foreign-key-violation',
  'unique-violation',
]

/** Failures that say nothing of other batches, besides all that the data is refused for. */
const ABOUT_BATCH = [
  'archive-damaged',
  'archive-table-missing',
  'archive-column-missing',
  'cold-files-damaged',
  'thawed-rows-differ',
  'no-store-for-batch',
  'no-copy-file',
  'manifest-too-long',
]

const SETTINGS = {
  // A policy that hides rows is an error, never fewer rows.
  row_security: 'off',
  // Compiling a statement that runs once takes longer than running it.
  jit: 'off',
}

export interface Restored {
  readonly schema: string
  readonly tables: readonly TableCount[]
  readonly waiting: readonly WaitingCount[]
  /** Rows that were asked for and wait. */
  readonly askedWaiting: bigint
  readonly references: Reattached
  /** Batches of which nothing is left. */
  readonly emptied: readonly bigint[]
  /** Batches of which rows were restored although they do not hold what was archived. */
  readonly damaged: readonly bigint[]
  readonly transactions: number
  /** Rows that retention leaves alone for a while. */
  readonly held: Held
  /**
   * Columns, `devflow.tasks.dependencies`, that a trigger makes of other rows and that say something else than when they
   * were archived, since some of those rows are not there.
   */
  readonly projected: readonly string[]
  /** Batches of which something was refused, in their order; nothing of the transaction in question was restored. */
  readonly refused: readonly RefusedBatch[]
  /** Why it ended with work left. */
  readonly stopped?: Stop
}

export interface RefusedBatch {
  readonly batch: bigint
  readonly error: StewardError
}

export interface RestoreOptions {
  /** Loads a cold batch back into the archive tables. */
  readonly thaw: (batch: bigint) => Promise<void>
}

/**
 * Restores what the request asks for; what is there already is no error, and what has to wait stays in the archive. Of
 * several batches, one that is refused keeps no other back.
 *
 * @throws RefusedError (exit 5), for rows that were named, when one is in the way or would not be what it was
 * @throws OperationError `archive-damaged` (exit 6), for rows that were named, when the archive does not hold what was
 *   archived
 */
export async function runRestore(
  db: Database,
  request: RestoreRequest,
  run: JobRun,
  { thaw }: RestoreOptions,
): Promise<Restored> {
  const { schema, what } = request
  const done = new Progress(request, run)
  const stop = async () => run.pace.next()
  if (what.kind === 'rows') {
    const stopped = await stop()
    if (stopped) return done.result(stopped)
    for (const batch of what.cold) await thaw(batch)
    await done.portion(db, (catalog) => portionOfRows(request, what, catalog, true))
    return done.result()
  }
  const asked = what.batches.map(({ batch }) => batch)
  const partly = await partlyRestored(db, schema)
  for (const [index, { batch: number, state }] of what.batches.entries()) {
    run.onProgress({ label: `restore ${schema}`, done: index, total: what.batches.length, unit: 'steps' })
    if (state === 'restored') continue
    const before = await stop()
    if (before) return done.result(before)
    try {
      if (state === 'cold') await thaw(number)
      const [batch] = await requireBatches(db, [number])
      if (batch === undefined || batch.state !== 'archived') continue
      const catalog = await restoreCatalog(db, schema)
      const portions = await portionsOfBatch(db, request, what, batch, catalog, { asked, partly })
      for (const [place, portion] of portions.entries()) {
        const stopped = place === 0 ? undefined : await stop()
        if (stopped) return done.result(stopped)
        await done.portion(db, () => portion)
      }
    } catch (error) {
      // What is wrong with one batch keeps no other back.
      if (!isAboutBatch(error)) throw error
      done.refused(number, error)
    }
  }
  return done.result()
}

/** One run over all its portions. */
class Progress {
  readonly #request: RestoreRequest
  readonly #run: JobRun
  readonly #tally: Tally
  readonly #emptied = new Set<bigint>()
  readonly #damaged = new Set<bigint>()
  #references: Reattached = { put: 0, outdated: 0 }
  #transactions = 0
  #held: Held = { rows: 0 }
  readonly #projected = new Set<string>()
  readonly #refused: RefusedBatch[] = []

  constructor(request: RestoreRequest, run: JobRun) {
    this.#request = request
    this.#run = run
    this.#tally = new Tally(request.schema)
  }

  result(stopped?: Stop): Restored {
    return {
      schema: this.#request.schema,
      tables: this.#tally.tables,
      waiting: this.#tally.reasons,
      askedWaiting: this.#tally.askedWaiting,
      references: this.#references,
      emptied: [...this.#emptied],
      damaged: [...this.#damaged],
      transactions: this.#transactions,
      held: this.#held,
      projected: [...this.#projected],
      refused: this.#refused,
      ...(stopped === undefined ? {} : { stopped }),
    }
  }

  refused(batch: bigint, error: StewardError): void {
    this.#refused.push({ batch, error })
  }

  async portion(db: Database, portionIn: (catalog: RestoreCatalog) => Portion): Promise<void> {
    let explain = false
    let months: readonly MissingMonth[] = []
    for (let tried = 1; ; tried++) {
      try {
        await makeMonths(db, months, this.#run)
        months = []
        const outcome = await db.transaction((tx) => this.#restore(tx, portionIn, explain), {
          lockTimeoutMs: LOCK_TIMEOUT_MS,
          statementTimeoutMs: 0,
          settings: { ...TEXT_SETTINGS, ...SETTINGS, ...MOVING, ...this.#request.settings },
        })
        this.#count(outcome)
        return
      } catch (error) {
        if (error instanceof Differs && !explain) {
          explain = true
          continue
        }
        if (error instanceof MonthsMissing) {
          months = error.months
          continue
        }
        if (!(error instanceof StewardError) || !AGAIN.includes(error.code) || tried === MOST_TRIES) {
          throw inTheWay(error)
        }
        // At random, so that those who collided do not collide again.
        await sleep(Math.random() * FIRST_PAUSE_MS * 2 ** tried)
      }
    }
  }

  async #restore(tx: Transaction, portionIn: (catalog: RestoreCatalog) => Portion, explain: boolean) {
    await this.#run.lease.guard(tx)
    const { schema, dropColumns, monthly, projections } = this.#request
    const catalog = await restoreCatalog(tx, schema)
    const { label, roots, named, seeds, reach } = portionIn(catalog)
    const asked = await seeds(tx)
    const { rows, waiting } = await gather(tx, catalog, asked, reach)
    if (rows.size === 0) return { asked, waiting }
    const months = await missingMonths(tx, catalog, monthly, rows)
    if (months.length > 0) throw new MonthsMissing(months)
    const groups = await groupsOf(tx, catalog, rows)
    const { there, problems } = await check(tx, catalog, groups, dropColumns)
    refuse(problems, label)
    const moved = await move(tx, catalog, groups, there, explain, projections)
    const { emptied, damaged } = await subtract(tx, catalog, moved.left, this.#request.damaged)
    const keys = await detachedKeys(tx, catalog)
    const references = await reattach(tx, catalog, keys, [...rows.batches], moved.placed)
    const { runId } = this.#run
    const held = await holdRestored(tx, catalog, this.#request, moved.placed, { roots, named, runId })
    return { asked, waiting, moved, emptied, damaged, references, held }
  }

  #count(outcome: {
    readonly asked: RowSet
    readonly waiting: Parameters<Tally['wait']>[0]
    readonly moved?: Moved
    readonly emptied?: readonly bigint[]
    readonly damaged?: readonly bigint[]
    readonly references?: Reattached
    readonly held?: Held
  }): void {
    const { asked, waiting, moved, emptied = [], damaged = [], references = { put: 0, outdated: 0 }, held } = outcome
    if (held?.until !== undefined) this.#held = { rows: this.#held.rows + held.rows, until: held.until }
    this.#tally.wait(waiting, asked)
    for (const batch of emptied) this.#emptied.add(batch)
    for (const batch of damaged) this.#damaged.add(batch)
    this.#references = {
      put: this.#references.put + references.put,
      outdated: this.#references.outdated + references.outdated,
    }
    if (moved === undefined) return
    this.#transactions += 1
    for (const { table, column } of moved.projected) this.#projected.add(`${this.#request.schema}.${table}.${column}`)
    for (const table of new Set([...moved.restored.keys(), ...moved.there.keys()])) {
      this.#tally.add(table, moved.restored.get(table) ?? 0n, moved.there.get(table) ?? 0n)
    }
  }
}

function isAboutBatch(error: unknown): error is StewardError {
  return error instanceof RefusedError || (error instanceof StewardError && ABOUT_BATCH.includes(error.code))
}

/** Another row holds a value that only one may have. */
function inTheWay(error: unknown): unknown {
  if (!(error instanceof RefusedError)) return error
  if (error.code !== 'unique-violation' && error.code !== 'exclusion-violation') return error
  return new RefusedError({
    code: 'restore-conflict',
    message: `${error.message}, so an archived row cannot go back beside it; nothing of its batch was restored`,
    hint: 'Change or delete the row that took its place, then restore again; the archived rows stay where they are',
    details: error.details,
    cause: error,
  })
}
