/**
 * A Knex whose driver writes statements down instead of sending them. The migrator that runs on it is the real one,
 * so what is recorded is what it would do; the few questions it asks the database about its own tables are answered
 * from the state that was read beforehand.
 */
import type { Knex } from 'knex'
import type { Migration } from '../model/migration.ts'
import { quoteIdentifier, quoteLiteral } from '../model/sql.ts'
import { inlined, type PositionalQuery } from './parameters.ts'
import { PinnedPool } from './pinned-pool.ts'
import { type Direction, LOCK_TABLE, MIGRATIONS_TABLE, migratorConfig, type SystemMigrations } from './source.ts'
import type { MigrationsState } from './state.ts'
import { runMigrator } from './step.ts'

export interface RecordedStatement {
  /** Complete SQL text, values in place, without the final semicolon. */
  readonly text: string
  /** `migration`: its own. `bookkeeping`: Knex's tables. `transaction`: BEGIN, COMMIT. */
  readonly part: 'migration' | 'bookkeeping' | 'transaction'
}

export interface RecordedMigration {
  readonly system: string
  readonly schema: string
  readonly name: string
  readonly direction: Direction
  readonly transactional: boolean
  /** True when it asks the database something: the answer was not available, so the run may differ. */
  readonly readsDatabase: boolean
  readonly statements: readonly RecordedStatement[]
}

interface Response {
  readonly command: string
  readonly rowCount: number
  readonly rows: readonly object[]
}

/** The outside of a pg client, as far as Knex uses it. */
class RecordingConnection {
  readonly #answer: (query: PositionalQuery) => Response

  constructor(answer: (query: PositionalQuery) => Response) {
    this.#answer = answer
  }

  query(query: PositionalQuery, done: (error: unknown, response?: Response) => void): void {
    try {
      done(null, this.#answer(query))
    } catch (error) {
      done(error)
    }
  }
}

/**
 * Records the given migrations of one system, one after the other.
 *
 * @param steps to run, in order of running
 * @throws Error (a bug) when Knex asks something that is not known here
 */
export async function recordMigrations(
  system: SystemMigrations,
  state: MigrationsState,
  steps: readonly Migration[],
  direction: Direction,
): Promise<RecordedMigration[]> {
  const { default: createKnex } = await import('knex')
  const bookkeeping = new Bookkeeping(system, state)
  let statements: RecordedStatement[] = []
  let inMigration = false
  let readsDatabase = false

  const connection = new RecordingConnection((query) => {
    // Knex stamps its records with this machine's clock; in a plan the time of the run is meant.
    const literal = (value: unknown) =>
      value instanceof Date && !inMigration ? 'CURRENT_TIMESTAMP' : literalOf(knex, value)
    const text = inlined(query, literal).trim().replace(/;$/, '')
    const word = /^\w+/.exec(text)?.[0]?.toUpperCase() ?? ''
    // Without failures a savepoint changes nothing, and Knex names them differently every time.
    if (word === 'SAVEPOINT' || word === 'RELEASE') return { command: word, rowCount: 0, rows: [] }
    if (!inMigration && (word === 'BEGIN' || word === 'COMMIT')) {
      statements.push({ text, part: 'transaction' })
      return { command: word, rowCount: 0, rows: [] }
    }
    if (inMigration) {
      readsDatabase ||= /^(SELECT|WITH|VALUES|SHOW|TABLE)$/.test(word)
      statements.push({ text, part: 'migration' })
      return { command: word, rowCount: 0, rows: [] }
    }
    const { rows, changes } = bookkeeping.answer(query)
    if (changes) statements.push({ text, part: 'bookkeeping' })
    return { command: word, rowCount: changes ? 1 : rows.length, rows }
  })
  const knex = createKnex({
    client: 'pg',
    // Knex reads the version to choose syntax; every supported server is past its switches.
    version: '14',
    connectionPool: new PinnedPool(connection),
    compileSqlOnError: false,
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  })

  const recorded: RecordedMigration[] = []
  for (const migration of steps) {
    statements = []
    readsDatabase = false
    const config = migratorConfig(system, migration.name, async (_migration, run) => {
      inMigration = true
      try {
        await run()
      } finally {
        inMigration = false
      }
    })
    if (direction === 'up' && !bookkeeping.schemaExists) {
      statements.push({ text: `CREATE SCHEMA ${quoteIdentifier(system.schema)}`, part: 'bookkeeping' })
      bookkeeping.schemaExists = true
    }
    bookkeeping.running = migration.name
    await runMigrator(knex, migration, direction, config)
    recorded.push({
      system: system.system,
      schema: system.schema,
      name: migration.name,
      direction,
      transactional: migration.transaction,
      readsDatabase,
      statements,
    })
  }
  return recorded
}

/** Knex's tables in one schema, as they would be after what has been recorded so far. */
class Bookkeeping {
  schemaExists: boolean
  /** Name of the migration being recorded. */
  running = ''
  readonly #tables = new Set<unknown>()
  readonly #applied: Set<string>
  readonly #table: string
  readonly #lock: string
  #batch: number
  #hasLockRow: boolean

  constructor(system: SystemMigrations, state: MigrationsState) {
    this.schemaExists = state.schemaExists
    if (state.tableExists) this.#tables.add(MIGRATIONS_TABLE)
    if (state.lockTableExists) this.#tables.add(LOCK_TABLE)
    this.#hasLockRow = state.lockTableExists
    this.#applied = new Set(state.applied.map(({ name }) => name))
    this.#batch = Math.max(0, ...state.applied.map(({ batch }) => batch))
    const schema = quoteIdentifier(system.schema)
    this.#table = `${schema}.${quoteIdentifier(MIGRATIONS_TABLE)}`
    this.#lock = `${schema}.${quoteIdentifier(LOCK_TABLE)}`
  }

  /** What the server would answer, and whether the statement changes anything. */
  answer({ text, values }: PositionalQuery): { rows: readonly object[]; changes: boolean } {
    const is = (start: string) => text.startsWith(start)
    const reading = (...rows: readonly object[]) => ({ rows, changes: false })
    const changing = { rows: [], changes: true }

    if (is('select * from information_schema.tables where table_name = ')) {
      return this.#tables.has(values[0]) ? reading({}) : reading()
    }
    if (is(`select * from ${this.#lock}`)) return this.#hasLockRow ? reading({ index: 1, is_locked: 0 }) : reading()
    if (is(`select "name" from ${this.#table}`)) return reading(...[...this.#applied].map((name) => ({ name })))
    if (is(`select max("batch") as "max_batch" from ${this.#table}`)) {
      return reading({ max_batch: this.#batch === 0 ? null : this.#batch })
    }
    if (is(`create table ${this.#table} `)) this.#tables.add(MIGRATIONS_TABLE)
    else if (is(`create table ${this.#lock} `)) this.#tables.add(LOCK_TABLE)
    else if (is(`insert into ${this.#lock} `)) this.#hasLockRow = true
    else if (is(`insert into ${this.#table} `)) {
      this.#applied.add(this.running)
      this.#batch += 1
    } else if (is(`delete from ${this.#table} `)) this.#applied.delete(this.running)
    else if (!is(`update ${this.#lock} `)) throw new Error(`Knex's migrator sent an unknown statement: ${text}`)
    return changing
  }
}

function literalOf(knex: Knex, value: unknown): string {
  if (typeof value === 'string') return quoteLiteral(value)
  if (value === null || value === undefined) return 'NULL'
  // Knex knows how its bindings become literals: numbers, booleans, arrays, JSON, bytea.
  return knex.raw('?', [value as Knex.RawBinding]).toQuery()
}
