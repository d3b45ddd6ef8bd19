/**
 * Importing rows from a stream: each is read, checked and written in batches, memory stays flat. All or nothing in one
 * transaction; or, with `keepGoing`, a transaction a batch, in which the good rows go in and the others become
 * rejects.
 */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type InterruptedError, type Problem, throwIfStopped, type UnfinishedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { type Entity, keyOf } from '../model/entity.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import type { Candidate } from './candidate.ts'
import { problemsOf, writeCandidates } from './create.ts'
import { combined, type InputReader, type Reading } from './input.ts'
import { rollingBack } from './rehearsal.ts'
import type { RejectFile } from './rejects.ts'
import type { Scope } from './scope.ts'
import type { SourceRow } from './source.ts'
import { isStop } from './stop.ts'

/** Rows of one INSERT and, with `keepGoing`, of one transaction. */
const IMPORT_BATCH = 500
/** Problems kept to be shown; the others are only counted. */
const SHOWN_PROBLEMS = 100

export interface ImportOptions {
  readonly reader: InputReader
  readonly actor: Actor
  /** Check everything against the database, then roll it back. */
  readonly dryRun?: boolean
  /** Takes the rejects; its presence means to keep going. */
  readonly rejects?: RejectFile | undefined
  /** Columns of the source to leave out. */
  readonly ignore?: readonly string[]
  /** Values for every row; they win over the row's own. */
  readonly fixed?: Reading
  /** Further problems of one row, asked before the database (`--check-url`). */
  readonly examine?: (candidate: Candidate) => Promise<readonly Problem[]>
  /** Gets the stored rows of each batch. */
  readonly onStored?: (rows: readonly Cells[]) => void
  /** With `keepGoing`, gets the line of the last row of each batch once it is settled for good. */
  readonly onSettled?: (line: number) => void
  readonly onProgress?: OnProgress
  readonly signal: AbortSignal
  readonly batchSize?: number
}

export interface ImportResult {
  /** Rows of the source. */
  readonly read: number
  /** Rows written; with `dryRun`, rows that would be. */
  readonly written: number
  readonly rejected: number
  /** The first problems, each with its line; `rejected` counts rows, also those not shown here. */
  readonly problems: readonly Problem[]
  /** Names in the source that are no fields that can be set: what `ignore` would leave out. */
  readonly ignorable: readonly string[]
  /** Why it ended early, with every batch up to `lastLine` written; only with `keepGoing`. */
  readonly stopped?: InterruptedError | UnfinishedError
  /** Line where the last row that was dealt with begins. */
  readonly lastLine: number
}

/**
 * Imports the rows of a source.
 *
 * Without `keepGoing` nothing is written when a row has a problem; all of them are found first, and the caller reports
 * them.
 */
export function importRows(
  db: Database,
  scope: Scope,
  source: AsyncIterable<SourceRow>,
  options: ImportOptions,
): Promise<ImportResult> {
  const work = new Import(db, scope, options)
  return options.rejects ? work.keepGoing(source) : work.allOrNothing(source)
}

class Import {
  readonly #db: Database
  readonly #scope: Scope
  readonly #options: ImportOptions
  readonly #problems: Problem[] = []
  readonly #knownNames = new Set<string>()
  /** The name as the source has it, by the problem that was said of it. */
  readonly #refusedNames = new Map<string, string>()
  readonly #saidOfNames = new Set<string>()
  #read = 0
  #written = 0
  #rejected = 0
  #lastLine = 0

  constructor(db: Database, scope: Scope, options: ImportOptions) {
    this.#db = db
    this.#scope = scope
    this.#options = options
  }

  async allOrNothing(source: AsyncIterable<SourceRow>): Promise<ImportResult> {
    try {
      await rollingBack(this.#db, this.#options.dryRun ?? false, async (transaction) => {
        for await (const candidates of this.#batches(source)) {
          const stored = await this.#settle(transaction, candidates)
          this.#options.onStored?.(stored)
        }
        // Nothing of a source with rejects stays; the counts survive the rollback.
        if (this.#rejected > 0) throw new Rejected()
      })
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
    }
    return this.#result()
  }

  async keepGoing(source: AsyncIterable<SourceRow>): Promise<ImportResult> {
    try {
      for await (const candidates of this.#batches(source)) {
        const before = { written: this.#written, rejected: this.#rejected }
        let stored: readonly Cells[]
        try {
          stored = await rollingBack(this.#db, this.#options.dryRun ?? false, (transaction) =>
            this.#settle(transaction, candidates),
          )
        } catch (error) {
          // The batch was rolled back, so none of it counts.
          this.#written = before.written
          this.#rejected = before.rejected
          throw error
        }
        this.#options.onStored?.(stored)
        await this.#reject(candidates)
        this.#lastLine = candidates.at(-1)?.line ?? this.#lastLine
        this.#options.onSettled?.(this.#lastLine)
      }
    } catch (error) {
      if (isStop(error)) return this.#result(error)
      throw error
    }
    return this.#result()
  }

  async *#batches(source: AsyncIterable<SourceRow>): AsyncGenerator<Candidate[]> {
    const size = this.#options.batchSize ?? IMPORT_BATCH
    let batch: Candidate[] = []
    for await (const row of source) {
      this.#read++
      batch.push(await this.#candidate(row))
      if (batch.length < size) continue
      yield batch
      batch = []
      throwIfStopped(this.#options.signal)
      this.#report()
    }
    if (batch.length > 0) yield batch
    this.#report()
  }

  async #candidate(row: SourceRow): Promise<Candidate> {
    const { reader, ignore = [], fixed, examine } = this.#options
    if (row.problem !== undefined) {
      return { line: row.line, values: {}, problems: [{ reason: row.problem }], raw: row.raw }
    }
    const kept = Object.fromEntries(Object.entries(row.values).filter(([name]) => !ignore.includes(name)))
    const own = reader.read(kept, row.form)
    const reading = fixed ? combined(own, fixed) : own
    const problems = [...reading.problems, ...reader.missing(reading)]
    if (own.problems.length > 0) this.#noteNames(Object.keys(kept))
    const candidate: Candidate = { line: row.line, values: reading.values, problems, raw: row.raw }
    if (examine) problems.push(...(await examine(candidate)))
    return candidate
  }

  async #settle(transaction: Transaction, candidates: readonly Candidate[]): Promise<readonly Cells[]> {
    const stored = await writeCandidates(transaction, this.#scope, candidates, this.#options.actor)
    const rows = stored.filter((row) => row !== undefined)
    this.#written += rows.length
    this.#rejected += candidates.length - rows.length
    for (const problem of candidates.flatMap(problemsOf)) this.#keep(problem)
    return rows
  }

  #noteNames(names: readonly string[]): void {
    for (const name of names) {
      if (this.#knownNames.has(name)) continue
      this.#knownNames.add(name)
      const [refused] = this.#options.reader.checkNames([name])
      if (refused) this.#refusedNames.set(saying(this.#scope.entity, { ...refused, where: name }), name)
    }
  }

  /** Keeps a problem to be shown. That a field cannot be set is said once: every row of an export has the same ones. */
  #keep(problem: Problem): void {
    const words = saying(this.#scope.entity, problem)
    if (this.#refusedNames.has(words)) {
      if (this.#saidOfNames.has(words)) return
      this.#saidOfNames.add(words)
    }
    if (this.#problems.length < SHOWN_PROBLEMS) this.#problems.push(problem)
  }

  async #reject(candidates: readonly Candidate[]): Promise<void> {
    for (const { line, problems, raw } of candidates) {
      if (problems.length === 0) continue
      await this.#options.rejects?.add({ ...(line === undefined ? {} : { line }), problems, row: raw })
    }
  }

  #report(): void {
    const onProgress = this.#options.onProgress ?? ignoreProgress
    onProgress({ label: `importing ${this.#scope.entity.plural}`, done: this.#read, unit: 'rows' })
  }

  #result(stopped?: InterruptedError | UnfinishedError): ImportResult {
    return {
      read: this.#read,
      written: this.#rejected > 0 && !this.#options.rejects ? 0 : this.#written,
      rejected: this.#rejected,
      problems: this.#problems,
      ignorable: [...new Set(this.#refusedNames.values())],
      lastLine: this.#lastLine,
      ...(stopped === undefined ? {} : { stopped }),
    }
  }
}

/** The same for the same problem of the same field, whatever the line and the spelling. */
function saying(entity: Entity, { where = '', reason }: Problem): string {
  return `${keyOf(entity, where)} ${reason}`
}

/** Rolls the transaction back without being an error of anyone. */
class Rejected extends Error {}
