/** One migration through Knex's migrator: in a transaction with its record, retried when a lock is in the way. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import type { Session } from '../db/database.ts'
import { StewardError, throwIfStopped } from '../errors.ts'
import type { Migration } from '../model/migration.ts'
import { raw } from '../model/sql.ts'
import { type FailedStep, migrationFailure } from './failure.ts'
import { type KnexSession, knexOn } from './knex-session.ts'
import { type Direction, migratorConfig, type SystemMigrations } from './source.ts'

export interface StepOptions {
  /** Milliseconds for each wait for a lock, at most `MAX_LOCK_TIMEOUT`. */
  readonly lockTimeoutMs: number
  /** Milliseconds in which a migration that did not get its locks is tried again. */
  readonly retryForMs: number
  readonly signal: AbortSignal
  /** Sentences worth telling while it runs. */
  readonly onNotice: (notice: string) => void
}

/** Runs at the start of the transaction in which a migration goes down. */
type First = (transaction: Knex.Transaction) => Promise<void>

/** Milliseconds. A waiting DDL statement makes every later query on its table wait behind it. */
export const MAX_LOCK_TIMEOUT = 1000

/**
 * Runs the migrations of one session.
 *
 * A migration outside a transaction gets no lock timeout: CREATE INDEX CONCURRENTLY waits for old transactions, not
 * in anybody's way, and giving up would leave an invalid index behind (PostgreSQL manual, CREATE INDEX).
 */
export class Stepper {
  readonly #session: Session
  readonly #knex: KnexSession
  readonly #options: StepOptions

  private constructor(session: Session, knex: KnexSession, options: StepOptions) {
    this.#session = session
    this.#knex = knex
    this.#options = options
  }

  static async on(session: Session, options: StepOptions): Promise<Stepper> {
    return new Stepper(session, await knexOn(session, options.signal), options)
  }

  /**
   * Runs one migration and its record.
   *
   * @param first runs at the start of the transaction of a migration going down
   * @returns milliseconds it took
   * @throws StewardError that says what is kept and what to do
   */
  async run(system: SystemMigrations, migration: Migration, direction: Direction, first?: First): Promise<number> {
    const config = migratorConfig(system, migration.name)
    return this.#timed({ system, migration, direction }, () =>
      runMigrator(this.#knex.knex, migration, direction, config, first),
    )
  }

  /**
   * Runs one migration down and up again, in one transaction where it has one.
   *
   * @returns milliseconds it took
   * @throws StewardError that says what is kept and what to do
   */
  async redo(system: SystemMigrations, migration: Migration, first?: First): Promise<number> {
    const config = migratorConfig(system, migration.name)
    if (!migration.transaction) {
      return (await this.run(system, migration, 'down')) + (await this.run(system, migration, 'up'))
    }
    return this.#timed({ system, migration, direction: 'redo' }, () =>
      this.#knex.knex.transaction(async (transaction) => {
        await first?.(transaction)
        await transaction.migrate.down(config)
        await transaction.migrate.up(config)
      }),
    )
  }

  async #timed(step: FailedStep, work: () => Promise<void>): Promise<number> {
    const started = performance.now()
    try {
      await this.#limitLocks(step.migration)
      await this.#retrying(step.migration, work)
    } catch (error) {
      throw await migrationFailure(this.#session, step, error)
    }
    return performance.now() - started
  }

  async #limitLocks({ transaction }: Pick<Migration, 'transaction'>): Promise<void> {
    const limit = transaction ? Math.min(this.#options.lockTimeoutMs, MAX_LOCK_TIMEOUT) : 0
    await this.#session.rows(raw(`SET lock_timeout = ${Math.round(limit)}`))
  }

  /** Runs `work` in one transaction, again when a lock was in its way. @throws StewardError */
  async transaction<T>(work: (transaction: Knex.Transaction) => Promise<T>): Promise<T> {
    await this.#limitLocks({ transaction: true })
    return this.#retrying({ transaction: true }, () => this.#knex.knex.transaction(work))
  }

  async #retrying<T>(migration: Pick<Migration, 'transaction'>, work: () => Promise<T>): Promise<T> {
    const { retryForMs, onNotice, signal } = this.#options
    const deadline = performance.now() + retryForMs
    for (let attempt = 0; ; attempt += 1) {
      this.#knex.takeError()
      try {
        return await work()
      } catch (error) {
        const failed = this.#original(error)
        const again = migration.transaction && inTheWay(failed) && performance.now() < deadline
        if (!again) throw failed
        if (attempt === 0) onNotice('waiting for a lock that another session holds; trying again')
        // Longer and longer, at random, so that those who wait get a turn and two runs do not meet again.
        await sleep(Math.min(100 * 2 ** attempt, 2000) * (0.5 + Math.random()))
        throwIfStopped(signal)
      }
    }
  }

  /** What made it fail: the first error of the driver, unless the migration's own code threw. */
  #original(error: unknown): unknown {
    const first = this.#knex.takeError()
    return error instanceof StewardError || first === undefined ? error : first.error
  }
}

/** True for what another moment may solve: lock_timeout and deadlock. */
function inTheWay(error: unknown): boolean {
  return error instanceof StewardError && (error.code === 'lock-timeout' || error.code === 'deadlock')
}

/**
 * Runs one migration through Knex's migrator, migration and record in one transaction where it has one.
 *
 * `up` does that by itself. `down` does not: Knex commits the migration and only then deletes its record
 * (Migrator._waterfallBatch), so it gets a transaction from outside, in which its own become savepoints.
 */
export async function runMigrator(
  knex: Knex,
  migration: Migration,
  direction: Direction,
  config: Knex.MigratorConfig,
  first?: First,
): Promise<void> {
  if (direction === 'up') await knex.migrate.up(config)
  else if (!migration.transaction) await knex.migrate.down(config)
  else {
    await knex.transaction(async (transaction) => {
      await first?.(transaction)
      await transaction.migrate.down(config)
    })
  }
}
