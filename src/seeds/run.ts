/**
 * `seed run`: decides what there is to do, then loads part after part, each in one transaction that also moves the
 * record of the seed set on. A run that is killed leaves whole parts and a record that says how many; the next run
 * goes on from there. Small sets are one transaction altogether.
 */
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { RefusedError, throwIfStopped } from '../errors.ts'
import { identifier, join, sql } from '../model/sql.ts'
import type { OnProgress } from '../progress.ts'
import type { FileStore } from '../storage/file-store.ts'
import type { SeedDefinition, SeedParameters, SeedPlan } from './definition.ts'
import { writeFiles } from './files.ts'
import { seededSql } from './ids.ts'
import { analyze, loadPart, makePartitions } from './load.ts'
import { advanceSeedSet, insertSeedSet, isoText, lockSeedSet, readSeedSet, type SeedSet } from './set.ts'
import { applySettings } from './settings.ts'
import { keyOf, tableSql } from './tables.ts'

export interface SeedRequest {
  readonly definition: SeedDefinition
  /** Schema that the profile gives the system. */
  readonly schema: string
  /** A scale's name, or `custom`. */
  readonly scale: string
  readonly size: number
  readonly seed: number
  /** End of the simulated time in microseconds since 1970 UTC; `fallbackUntil` when the user did not say. */
  readonly until: number | undefined
  readonly fallbackUntil: number
  /** Where artifact URIs lead: the store's URL, or one that no file is behind. */
  readonly artifactRoot: string
  /** Gets the files of small sets. */
  readonly store: FileStore | undefined
  /** Loads beside rows that others made. */
  readonly append: boolean
}

export interface SeedOutcome {
  /** `resumed`: parts of an earlier run were there. `unchanged`: everything was. */
  readonly status: 'loaded' | 'resumed' | 'unchanged'
  readonly scale: string
  readonly parameters: SeedParameters
  /** Rows loaded by this run, by table in the order of the definition. */
  readonly rows: ReadonlyMap<string, number>
  readonly filesWritten: number
}

/** Sets of at most this many parts are loaded in one transaction. */
const PARTS_TOGETHER = 4

const UNBOUNDED = { statementTimeoutMs: 0 } as const

type Decision = { readonly kind: 'unchanged' | 'resume'; readonly set: SeedSet } | { readonly kind: 'load' }

/**
 * What a run would do, without doing it.
 *
 * @throws RefusedError (exit 5) when the tables hold other rows or another seed set
 */
export async function decideSeeding(db: Queryable, request: SeedRequest): Promise<Decision> {
  const { definition, schema } = request
  const set = await readSeedSet(db, definition.system, schema)
  if (set !== undefined && (await holdsSeeded(db, request, set.parameters.until, set))) {
    refuseOther(request, set)
    return { kind: set.state === 'loaded' ? 'unchanged' : 'resume', set }
  }
  // A record without rows is left where the tables were dropped and made anew.
  if (!request.append) await refuseRows(db, request)
  else if (await holdsSeeded(db, request, request.until ?? request.fallbackUntil)) {
    throw new RefusedError({
      code: 'ids-taken',
      message: `Schema ${schema} holds rows whose ids look like seeded ones, and no record of what made them`,
      hint: 'Seed an empty database, or delete those rows first',
    })
  }
  return { kind: 'load' }
}

/**
 * Seeds the schema, or finishes what a killed run began.
 *
 * @throws RefusedError as `decideSeeding`; LockedError when another run is at it; OperationError with the hint to
 * migrate when tables are missing
 */
export async function runSeeds(
  db: Database,
  request: SeedRequest,
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<SeedOutcome> {
  const load = new Load(request, onProgress, signal)
  while (!load.done) {
    throwIfStopped(signal)
    await db.transaction(async (tx) => {
      await applySettings(tx, request.definition)
      await load.next(tx)
    }, UNBOUNDED)
  }
  const outcome = load.outcome()
  if (outcome.status !== 'unchanged') {
    onProgress({ label: `analyzing ${request.schema}`, done: 0, unit: 'tables' })
    await settleStatistics(db)
    await db.transaction((tx) => analyze(tx, request.schema, request.definition), UNBOUNDED)
  }
  return outcome
}

/**
 * Has the server count the loaded rows now. It would do so later by itself, and then count them as changes since the
 * ANALYZE that is about to see them (PostgreSQL manual, 27.2.2; earlier versions than 15 cannot be asked).
 */
async function settleStatistics(db: Database): Promise<void> {
  if (db.serverVersion >= 150_000) await db.execute(sql`SELECT pg_stat_force_next_flush()`)
}

/** Whether a run that is stopped leaves the parts that were complete, for the next one to go on from. */
export function loadsInParts({ definition, size, seed, until, fallbackUntil, artifactRoot }: SeedRequest): boolean {
  return definition.plan({ size, seed, until: until ?? fallbackUntil, artifactRoot }).parts > PARTS_TOGETHER
}

/** The state of one run between its transactions. */
class Load {
  readonly #request: SeedRequest
  readonly #onProgress: OnProgress
  readonly #signal: AbortSignal
  readonly #rows = new Map<string, number>()
  #status: SeedOutcome['status'] = 'loaded'
  #begun: { readonly plan: SeedPlan; readonly parameters: SeedParameters; readonly scale: string } | undefined
  #nextPart = 0
  #loaded = 0
  #expected = 0
  #filesWritten = 0
  done = false

  constructor(request: SeedRequest, onProgress: OnProgress, signal: AbortSignal) {
    this.#request = request
    this.#onProgress = onProgress
    this.#signal = signal
  }

  async next(tx: Transaction): Promise<void> {
    const { schema } = this.#request
    await lockSeedSet(tx, schema)
    const { plan } = this.#begun ?? (await this.#begin(tx))
    if (this.done) return
    if (this.#nextPart > 0) await this.#stillOurs(tx)
    const last = plan.parts <= PARTS_TOGETHER ? plan.parts : this.#nextPart + 1
    await this.#writeFiles(plan)
    for (let index = this.#nextPart; index < last; index++) await this.#loadPart(tx, plan, index)
    await advanceSeedSet(tx, this.#request.definition.system, schema, last)
    this.#nextPart = last
    this.done = last === plan.parts
  }

  outcome(): SeedOutcome {
    if (this.#begun === undefined) throw new Error('asked for the outcome of a load that was not begun')
    const { parameters, scale } = this.#begun
    const rows = new Map(this.#request.definition.tables.map(({ table }) => [table, this.#rows.get(table) ?? 0]))
    return { status: this.#status, scale, parameters, rows, filesWritten: this.#filesWritten }
  }

  async #begin(tx: Transaction) {
    const { definition, schema, scale, size, seed, until, fallbackUntil, artifactRoot } = this.#request
    const decision = await decideSeeding(tx, this.#request)
    const resumed = decision.kind === 'load' ? undefined : decision.set
    const parameters = resumed?.parameters ?? { size, seed, until: until ?? fallbackUntil, artifactRoot }
    const plan = definition.plan(parameters)
    const begun = { plan, parameters, scale: resumed?.scale ?? scale }
    this.#begun = begun
    if (decision.kind === 'unchanged') {
      this.#status = 'unchanged'
      this.done = true
    } else if (resumed !== undefined) {
      this.#status = 'resumed'
      this.#nextPart = resumed.partsDone
    } else {
      await makePartitions(tx, schema, definition, parameters.until)
      await insertSeedSet(tx, { system: definition.system, schema, scale, parameters, parts: plan.parts })
    }
    const expected = [...definition.expectedRows(size).values()].reduce((sum, rows) => sum + rows, 0)
    this.#expected = Math.round((expected * (plan.parts - this.#nextPart)) / plan.parts)
    return begun
  }

  /** Between two transactions nobody may have gone on with the set, or begun to clear it. */
  async #stillOurs(tx: Transaction): Promise<void> {
    const set = await readSeedSet(tx, this.#request.definition.system, this.#request.schema)
    if (set?.state === 'loading' && set.partsDone === this.#nextPart) return
    throw new RefusedError({
      code: 'changed-meanwhile',
      message: 'Another run changed the seed data meanwhile',
      hint: 'Look at steward seed list, then run the command again',
    })
  }

  async #loadPart(tx: Transaction, plan: SeedPlan, index: number): Promise<void> {
    const label = `seeding ${this.#request.schema}`
    await loadPart(tx, this.#request.schema, plan.part(index), this.#signal, (table, rows) => {
      this.#rows.set(table, (this.#rows.get(table) ?? 0) + rows)
      this.#loaded += rows
      // The expectation may be off by a few per cent; a bar beyond its end helps nobody.
      const total = Math.max(this.#expected, this.#loaded)
      this.#onProgress({ label, done: this.#loaded, total, unit: 'rows' })
    })
  }

  /** Before the rows: a file without a row is overwritten by the next run, a row without a file would stay wrong. */
  async #writeFiles(plan: SeedPlan): Promise<void> {
    const { store } = this.#request
    if (store === undefined || this.#nextPart > 0) return
    this.#filesWritten = await writeFiles(store, plan.files(), (done) => {
      this.#onProgress({ label: 'writing artifact files', done, unit: 'files' })
    })
  }
}

/** Refuses what cannot be had beside, or instead of, the set that is there. */
function refuseOther(request: SeedRequest, set: SeedSet): void {
  const { size, seed, until } = set.parameters
  const clear = `steward seed clear ${set.system}`
  if (set.state === 'clearing') {
    throw new RefusedError({
      code: 'half-cleared',
      message: `Clearing the seed data of ${set.system} was not finished`,
      hint: `Finish it with ${clear}, then run this again`,
    })
  }
  const same =
    request.size === size && request.seed === seed && (request.until === undefined || request.until === until)
  if (same) return
  const half = set.state === 'loading' ? ', half loaded' : ''
  throw new RefusedError({
    code: 'seeded-otherwise',
    message: `Schema ${set.schema} holds other seed data${half}: ${size} ${request.definition.unit}, seed ${seed}, until ${isoText(until).slice(0, 10)}`,
    hint: `Remove it with ${clear} first`,
    details: { size, seed, until: isoText(until), state: set.state },
  })
}

/** Whether any table has a seeded row; those of a set that lost its first parts count as none. */
async function holdsSeeded(db: Queryable, request: SeedRequest, until: number, set?: SeedSet): Promise<boolean> {
  if (set?.state === 'loading' && set.partsDone === 0) return false
  const checks = request.definition.tables.map(
    (table) => sql`EXISTS (
      SELECT FROM ${tableSql(request.schema, table)} AS r
      WHERE ${seededSql(identifier('r', keyOf(table)), table.ids, until)}
    )`,
  )
  const { holds } = await db.one<{ holds: boolean }>(sql`SELECT ${join(checks, ' OR ')} AS holds`)
  return holds
}

async function refuseRows(db: Queryable, { definition, schema }: SeedRequest): Promise<void> {
  const checks = definition.tables.map(
    (table) => sql`SELECT ${table.table}::text AS name WHERE EXISTS (SELECT FROM ${tableSql(schema, table)})`,
  )
  const found = await db.rows<{ name: string }>(join(checks, ' UNION ALL '))
  if (found.length === 0) return
  throw new RefusedError({
    code: 'not-empty',
    message: `Schema ${schema} already holds rows that seeding did not make (${found.map(({ name }) => name).join(', ')})`,
    hint: 'Seed an empty database, or add --append to load beside them',
    details: { tables: found.map(({ name }) => name) },
  })
}
