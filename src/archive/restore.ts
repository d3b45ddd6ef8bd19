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
import { type RestoreCatalog, restoreCatalog } from './restore-catalog.ts'
import { check } from './restore-check.ts'
import { gather } from './restore-closure.ts'
import { detachedKeys, type Reattached, reattach } from './restore-detached.ts'
import { groupsOf } from './restore-groups.ts'
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
  readonly transactions: number
  /** Why it ended with work left. */
  readonly stopped?: Stop
}

export interface RestoreOptions {
  /** Loads a cold batch back into the archive tables. */
  readonly thaw: (batch: bigint) => Promise<void>
}

/**
 * Restores what the request asks for; what is there already is no error, and what has to wait stays in the archive.
 *
 * @throws RefusedError (exit 5) when a row is in the way or would not be what it was, naming it
 * @throws OperationError `archive-damaged` (exit 6) when the archive does not hold what was archived
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
    if (state === 'cold') await thaw(number)
    const [batch] = await requireBatches(db, [number])
    if (batch === undefined || batch.state !== 'archived') continue
    const portions = await portionsOfBatch(db, request, what, batch, await restoreCatalog(db, schema), {
      asked,
      partly,
    })
    for (const [place, portion] of portions.entries()) {
      const stopped = place === 0 ? undefined : await stop()
      if (stopped) return done.result(stopped)
      await done.portion(db, () => portion)
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
  #references: Reattached = { put: 0, outdated: 0 }
  #transactions = 0

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
      transactions: this.#transactions,
      ...(stopped === undefined ? {} : { stopped }),
    }
  }

  async portion(db: Database, portionIn: (catalog: RestoreCatalog) => Portion): Promise<void> {
    let explain = false
    for (let tried = 1; ; tried++) {
      try {
        const outcome = await db.transaction((tx) => this.#restore(tx, portionIn, explain), {
          lockTimeoutMs: LOCK_TIMEOUT_MS,
          statementTimeoutMs: 0,
          settings: { ...TEXT_SETTINGS, ...SETTINGS, ...this.#request.settings },
        })
        this.#count(outcome)
        return
      } catch (error) {
        if (error instanceof Differs && !explain) {
          explain = true
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
    const { schema, dropColumns } = this.#request
    const catalog = await restoreCatalog(tx, schema)
    const { label, seeds, reach } = portionIn(catalog)
    const asked = await seeds(tx)
    const { rows, waiting } = await gather(tx, catalog, asked, reach)
    if (rows.size === 0) return { asked, waiting }
    const groups = await groupsOf(tx, catalog, rows)
    const { there, problems } = await check(tx, catalog, groups, dropColumns)
    refuse(problems, label)
    const moved = await move(tx, catalog, groups, there, explain)
    const emptied = await subtract(tx, catalog, moved.left)
    const keys = await detachedKeys(tx, catalog)
    const references = await reattach(tx, catalog, keys, [...rows.batches], moved.placed)
    return { asked, waiting, moved, emptied, references }
  }

  #count(outcome: {
    readonly asked: RowSet
    readonly waiting: Parameters<Tally['wait']>[0]
    readonly moved?: Moved
    readonly emptied?: readonly bigint[]
    readonly references?: Reattached
  }): void {
    const { asked, waiting, moved, emptied = [], references = { put: 0, outdated: 0 } } = outcome
    this.#tally.wait(waiting, asked)
    for (const batch of emptied) this.#emptied.add(batch)
    this.#references = {
      put: this.#references.put + references.put,
      outdated: this.#references.outdated + references.outdated,
    }
    if (moved === undefined) return
    this.#transactions += 1
    for (const table of new Set([...moved.restored.keys(), ...moved.there.keys()])) {
      this.#tally.add(table, moved.restored.get(table) ?? 0n, moved.there.get(table) ?? 0n)
    }
  }
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
