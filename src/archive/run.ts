/**
 * Archiving what is due: batch by batch, at the pace of maintenance, until nothing more is due or the run is asked to
 * end. What cannot go stays with a reason, and what fails is tried again in smaller batches, down to the one aggregate
 * that is at fault.
 */
import type { Database } from '../db/database.ts'
import { endsRun } from '../db/ends-run.ts'
import type { JobRun } from '../db/job-run.ts'
import { adaptiveSize, type BatchSize, sleep } from '../db/pace.ts'
import { InterruptedError, OperationError, StewardError } from '../errors.ts'
import { IN_USE, type JobOutcome, type JobResult } from '../model/job.ts'
import { sql } from '../model/sql.ts'
import { type BatchResult, type Prepared, runBatch, SchemaChanged, TablesBusy } from './batch.ts'
import { type Candidate, Candidates, dropCursor, readCursor } from './candidates.ts'
import { TooManyRows } from './closure.ts'
import { countHeld } from './held.ts'
import { nameOf, prepare, requirePrivileges } from './prepare.ts'
import { Keeping, STILL_ACTIVE } from './reasons.ts'
import { relation } from './rows.ts'
import type { Selection } from './selection.ts'
import { ensureArchiveTables } from './tables.ts'

export interface ArchiveOptions {
  /** Roots at most. */
  readonly limit?: number | undefined
  /** Rows of one batch at most, unless one aggregate has more; 50,000 when absent. */
  readonly mostRows?: number | undefined
}

export interface ArchiveResult extends JobResult {
  readonly roots: number
  /** Rows that went, by table, in the order of the closure. */
  readonly tables: readonly { readonly table: string; readonly rows: bigint }[]
  /** Rows that stay and lost their reference. */
  readonly detached: number
  /** Files recorded as due for deletion. */
  readonly files: number
}

const MOST_ROWS = 50_000
/** Share of the rows of a batch that are planned for, since aggregates differ in size. */
const ROOM = 0.9
/** Roots of the first batch, and of any. */
const FIRST_ROOTS = 100
const MOST_ROOTS = 20_000
/** Aggregates that may be refused one after the other before the rule as a whole is given up. */
const MOST_REFUSALS = 25
/** Times that a run is planned anew because tables change under it. */
const MOST_CHANGES = 10
/** Tries to have the tables for a batch. */
const MOST_BUSY = 3
/** Rows counted as kept because they are still active. */
const MOST_ACTIVE = 1_000_000

/** Another session was in the way, or the batch took too long: a smaller one may not meet it. */
const IN_THE_WAY: ReadonlySet<string> = new Set([
  'deadlock',
  'serialization-failure',
  'lock-timeout',
  'statement-timeout',
])

/**
 * Moves, or removes, what is due.
 *
 * @param db `run.db`
 * @returns what was done and why it ended, also when it was stopped or failed
 * @throws ConnectionError, OperationError `connection-lost`: the batch in flight is rolled back
 * @throws LockedError (exit 8) when the lease was lost
 */
export async function runArchive(
  db: Database,
  selection: Selection,
  run: JobRun,
  options: ArchiveOptions = {},
): Promise<ArchiveResult> {
  const work = new Work(db, selection, run, options)
  try {
    return await work.toTheEnd()
  } catch (error) {
    if (!(error instanceof StewardError) || error instanceof InterruptedError || endsRun(error)) throw error
    return work.result('failed', error.message, [describe(error)])
  }
}

/** The message, with every problem that it sums up. */
function describe({ message, problems }: StewardError): string {
  return [message, ...problems.map(({ where = '', reason }) => `${where} ${reason}`.trim())].join('; ')
}

class Work {
  readonly #db: Database
  readonly #selection: Selection
  readonly #run: JobRun
  readonly #options: ArchiveOptions
  readonly #mostRows: number
  readonly #size: BatchSize
  readonly #rows = new Map<string, bigint>()
  readonly #failures: string[] = []
  #keeping = new Keeping()
  #roots = 0
  #batches = 0
  #detached = 0
  #files = 0
  #bytes = 0n
  #changes = 0
  #refusals = 0
  #busy = 0
  #rowBytes = new Map<string, number>()

  constructor(db: Database, selection: Selection, run: JobRun, options: ArchiveOptions) {
    this.#db = db
    this.#selection = selection
    this.#run = run
    this.#options = options
    this.#mostRows = options.mostRows ?? MOST_ROWS
    this.#size = adaptiveSize({ first: FIRST_ROOTS, least: 1, most: MOST_ROOTS, targetMs: run.batchMs })
  }

  async toTheEnd(): Promise<ArchiveResult> {
    let prepared = await this.#prepare()
    for (;;) {
      const pass = await this.#pass(prepared)
      prepared = pass.prepared
      if (pass.ended) return pass.ended
      await this.#forgetCursor()
      if (!pass.again) break
      // Those that were kept are asked again, and counted again.
      this.#keeping = new Keeping()
    }
    await this.#countActive(prepared)
    this.#keeping.addAll(await countHeld(this.#db, prepared.shape.root, this.#selection))
    if (this.#failures.length > 0) {
      const outcome = this.#roots > 0 ? 'partial' : 'failed'
      return this.result(outcome, 'nothing more is due, but for what failed', this.#failures)
    }
    return this.result(this.#roots > 0 ? 'done' : 'nothing', 'nothing more is due', [])
  }

  result(outcome: JobOutcome, why: string, failures: readonly string[]): ArchiveResult {
    const tables = [...this.#rows].map(([table, rows]) => ({ table, rows }))
    return {
      outcome: outcome === 'failed' && this.#roots > 0 ? 'partial' : outcome,
      rows: tables.reduce((sum, { rows }) => sum + rows, 0n),
      bytes: this.#bytes,
      batches: this.#batches,
      kept: this.#keeping.list(),
      failures,
      why,
      roots: this.#roots,
      tables,
      detached: this.#detached,
      files: this.#files,
    }
  }

  /** Reads what there is, and makes the archive tables: the only DDL, before any batch. */
  async #prepare(): Promise<Prepared> {
    const prepared = await prepare(this.#db, this.#selection)
    const { shape } = prepared
    requirePrivileges(shape)
    if (this.#selection.keeps === 'archive') {
      const made = await ensureArchiveTables(this.#db, shape.tables)
      if (made.length > 0) this.#run.say(`made archive tables: ${made.length} statements`)
    }
    for (const { name, estimatedRows, bytes } of shape.tables) {
      if (!this.#rows.has(name)) this.#rows.set(name, 0n)
      if (estimatedRows > 0) this.#rowBytes.set(name, Number(bytes) / estimatedRows)
    }
    return prepared
  }

  /** Goes through the candidates once, from the cursor to the end. */
  async #pass(
    before: Prepared,
  ): Promise<{ readonly prepared: Prepared; readonly again: boolean; readonly ended?: ArchiveResult }> {
    let prepared = before
    let again = false
    const rootsBefore = this.#roots
    const {
      selection,
      shape: { agesWithoutIndex },
    } = prepared
    const from = await readCursor(this.#db, selection, prepared.question)
    const candidates = new Candidates(this.#db, selection, prepared.shape.root, agesWithoutIndex.length === 0, from)
    for (;;) {
      const { limit = Number.POSITIVE_INFINITY } = this.#options
      if (this.#roots >= limit) {
        return {
          prepared,
          again: false,
          ended: this.result('done', `--limit of ${limit} is reached`, this.#failures),
        }
      }
      const slice = await candidates.peek(Math.min(this.#size.current, this.#rootsThatFit, limit - this.#roots))
      if (slice.length === 0) break
      const stop = await this.#run.pace.next()
      if (stop !== undefined) {
        const outcome = stop.error instanceof InterruptedError ? 'interrupted' : 'unfinished'
        return { prepared, again: false, ended: this.result(outcome, stop.why, this.#failures) }
      }
      try {
        const result = await this.#batch(prepared, slice)
        if (result !== undefined) {
          candidates.advance(slice.length)
          again ||= result.mayGoLater || result.missed > 0
        }
      } catch (error) {
        if (!(error instanceof SchemaChanged)) throw error
        prepared = await this.#planAnew()
      }
      if (this.#tooManyRefusals) {
        return { prepared, again: false, ended: this.result('failed', this.#refusalsInARow(), this.#failures) }
      }
    }
    // Without a cursor the pass began at the beginning, and only what has moved since can have freed anything.
    return { prepared, again: (again && this.#roots > rootsBefore) || from !== undefined }
  }

  /** @returns what the batch did; undefined when it is to be tried again with fewer candidates */
  async #batch(
    prepared: Prepared,
    slice: readonly Candidate[],
  ): Promise<Pick<BatchResult, 'mayGoLater' | 'missed'> | undefined> {
    const began = performance.now()
    try {
      const result = await runBatch(this.#db, prepared, slice, this.#run, {
        // One aggregate goes as a whole, however large it is.
        mostRows: slice.length === 1 ? Number.POSITIVE_INFINITY : this.#mostRows,
      })
      this.#size.took(slice.length, performance.now() - began)
      this.#refusals = 0
      this.#busy = 0
      this.#took(result)
      return result
    } catch (error) {
      if (error instanceof TooManyRows) {
        this.#size.shrink()
        return undefined
      }
      if (error instanceof TablesBusy) {
        if (++this.#busy >= MOST_BUSY) throw tablesBusy(prepared)
        await sleep(200 * this.#busy * (0.5 + Math.random()), this.#run.signal)
        return undefined
      }
      if (!(error instanceof StewardError) || error instanceof InterruptedError || endsRun(error)) throw error
      const isInTheWay = IN_THE_WAY.has(error.code)
      if (!isInTheWay && !MAY_BE_ONE.has(error.code)) throw error
      if (slice.length > 1) {
        while (this.#size.current >= slice.length && this.#size.shrink());
        if (isInTheWay) await sleep(50 * (0.5 + Math.random()), this.#run.signal)
        return undefined
      }
      if (isInTheWay) this.#keeping.add(IN_USE, 1)
      else {
        this.#refusals++
        this.#failures.push(`one of ${nameOf(prepared.shape.root)}: ${error.message}`)
      }
      return { mayGoLater: false, missed: 0 }
    }
  }

  /** Roots whose rows should be no more than a batch may have, by the average so far. */
  get #rootsThatFit(): number {
    const rows = this.#rowsGone
    if (this.#roots === 0 || rows === 0) return Number.POSITIVE_INFINITY
    return Math.max(1, Math.floor((this.#mostRows * this.#roots * ROOM) / rows))
  }

  get #rowsGone(): number {
    return Number([...this.#rows.values()].reduce((sum, rows) => sum + rows, 0n))
  }

  #took(result: BatchResult): void {
    if (result.roots > 0) this.#batches++
    this.#roots += result.roots
    this.#detached += result.detached
    this.#files += result.files
    this.#keeping.addAll(result.kept)
    for (const [table, rows] of result.rows) {
      this.#rows.set(table, (this.#rows.get(table) ?? 0n) + rows)
      this.#bytes += BigInt(Math.round(Number(rows) * (this.#rowBytes.get(table) ?? 0)))
    }
    const label = `${this.#selection.keeps === 'archive' ? 'archiving' : 'deleting'} ${this.#selection.rule}`
    this.#run.onProgress({ label, done: this.#rowsGone, unit: 'rows' })
  }

  async #planAnew(): Promise<Prepared> {
    if (++this.#changes > MOST_CHANGES) {
      throw new OperationError({
        code: 'schema-changes',
        message: `The tables of ${this.#selection.schema}.${this.#selection.table} changed ${MOST_CHANGES} times during the run`,
        hint: 'Run it again when nobody changes them',
      })
    }
    this.#run.say(`plans ${this.#selection.rule} anew: its tables have changed`)
    return this.#prepare()
  }

  get #tooManyRefusals(): boolean {
    return this.#refusals >= MOST_REFUSALS
  }

  #refusalsInARow(): string {
    return `${MOST_REFUSALS} aggregates in a row were refused; the first: ${this.#failures[0] ?? ''}`
  }

  async #forgetCursor(): Promise<void> {
    await this.#db.transaction(async (tx) => {
      await this.#run.lease.guard(tx)
      await dropCursor(tx, this.#selection)
    })
  }

  /** What the rule would cover but for something that is still active. */
  async #countActive({ selection, shape: { root } }: Prepared): Promise<void> {
    const { due, dueOrActive } = selection
    if (dueOrActive === undefined) return
    try {
      const { rows } = await this.#db.one<{ rows: bigint }>(sql`
        SELECT COUNT(*) AS rows
        FROM (
          SELECT
          FROM ${relation(root)} AS r
          WHERE ${dueOrActive('r')}
            AND (${due('r')}) IS NOT TRUE
          LIMIT ${MOST_ACTIVE}
        ) AS active`)
      this.#keeping.add(STILL_ACTIVE, Number(rows))
    } catch (error) {
      // It is a figure for the report, not worth the run.
      if (!(error instanceof StewardError && error.code === 'statement-timeout')) throw error
    }
  }
}

function tablesBusy({ shape }: Prepared): OperationError {
  return new OperationError({
    code: 'tables-locked',
    message: `Another session holds a lock on ${nameOf(shape.root)} or a table below it, and did not release it in time`,
    hint: 'pg_locks shows who; the next run goes on where this one ended',
  })
}

/** Refusals that may be about one aggregate, and leave the others free to go. */
const MAY_BE_ONE: ReadonlySet<string> = new Set([
  'still-referenced',
  'foreign-key-violation',
  'check-violation',
  'not-null-violation',
  'unique-violation',
  'exclusion-violation',
  'integrity-violation',
  'invalid-value',
  'statement-failed',
  'rows-withheld',
  'rows-unlisted',
])
