/**
 * Rows that a retention rule covers, changed in place batch by batch: what `expire` and `soft-delete` rules have in
 * common. Each batch is one transaction under the lease, and every row is asked again whether it is still due when it
 * is its turn.
 */
import { actingAs } from '../db/acting.ts'
import type { Database, Transaction, TransactionOptions } from '../db/database.ts'
import type { JobRun } from '../db/job-run.ts'
import { adaptiveSize, type Stop, stoppedAs } from '../db/pace.ts'
import { StewardError } from '../errors.ts'
import { ageSql, dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import { IN_USE, type JobOutcome, type JobResult } from '../model/job.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import type { BatchResult } from './all-or-each.ts'
import type { Failure } from './changes.ts'
import { keyIn } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { isStop } from './stop.ts'

/** What a rule covers at one moment. */
export interface DuePlan {
  /** The server's time when it was looked: rows that became due later are not part of the plan. */
  readonly asOf: string
  readonly rows: bigint
  /** The instant that the oldest one counts from. */
  readonly oldest: string | null
}

export interface DueOptions {
  /** At most this many rows, the oldest. */
  readonly limit?: number | undefined
  /** Only rows that were due at this time (`DuePlan.asOf`). */
  readonly asOf?: string | undefined
}

/** Changes a batch in transactions of its own, of the rows that meet `only` still. */
export type ChangeBatch = (
  db: Database,
  ids: readonly string[],
  options: {
    readonly only: Sql
    readonly guard: (transaction: Transaction) => Promise<void>
    readonly transaction: TransactionOptions
  },
) => Promise<BatchResult>

/** Ids that are fetched at once; the memory of a run does not grow with its backlog. */
const CHUNK = 10_000
const BATCH = { first: 200, least: 1, most: 5_000 } as const
/** Milliseconds that a batch waits for a row of another session before it is tried again, smaller. */
const LOCK_MS = 1_000
/** Refused rows that are named; the others are counted. */
const NAMED = 100
/** What a smaller batch may get by: somebody in the way, or too much at once. */
const CONFLICTS: readonly string[] = ['lock-timeout', 'deadlock', 'serialization-failure', 'statement-timeout']

/** The entity of a rule, as the other functions on rows want it. */
export function scopeOfRule({ system, schema, applied }: RuleScope): Scope {
  return { system, schema, entity: entityOfRule(system, applied.rule) }
}

/** Condition that rows are due, for statements that name the entity's table without an alias. */
function dueRows(rule: RuleScope, asOf: string | undefined): Sql {
  const { table } = entityOfRule(rule.system, rule.applied.rule)
  const age = ageSql(rule.applied.rule, table)
  const then = asOf === undefined ? [] : [sql`${age} < ${asOf}::timestamptz - ${rule.applied.olderThan}::interval`]
  return allOf([dueSql(rule, table), ...then])
}

/** Counts what the rule covers now. */
export async function countDue(db: Database, rule: RuleScope): Promise<DuePlan> {
  const { entity } = scopeOfRule(rule)
  const age = ageSql(rule.applied.rule, entity.table)
  return db.one<DuePlan>(sql`
    SELECT now()::text AS "asOf", COUNT(*) AS rows, MIN(${age}) AS oldest
    FROM ${tableOf(scopeOfRule(rule))}
    WHERE ${dueRows(rule, undefined)}`)
}

/** No more rows than `--limit` lets through. */
export function atMost(rows: bigint, limit: number | undefined): bigint {
  return limit !== undefined && rows > BigInt(limit) ? BigInt(limit) : rows
}

/** Where the search for due rows goes on. */
interface Position {
  readonly age: string
  readonly id: string
}

/** Keys of due rows, the oldest first, those after a position. */
export function dueIds(
  db: Database,
  rule: RuleScope,
  { asOf, limit, after }: DueOptions & { readonly after?: Position | undefined },
): Promise<Position[]> {
  const scope = scopeOfRule(rule)
  const { entity } = scope
  const age = ageSql(rule.applied.rule, entity.table)
  const key = identifier(entity.table, entity.primaryKey)
  const type = castType(scope, fieldOf(entity, entity.primaryKey))
  const further = after ? [sql`(${age}, ${key}) > (${after.age}::timestamptz, ${after.id}::${type})`] : []
  return db.rows<Position>(sql`
    SELECT ${age}::text AS age, ${key}::text AS id
    FROM ${tableOf(scope)}
    WHERE ${allOf([dueRows(rule, asOf), ...further])}
    ORDER BY ${age}, ${key}
    LIMIT ${limit ?? CHUNK}::bigint`)
}

/**
 * Changes every row that is due, the oldest first. A row that is refused stays as it is, is named, and keeps no other
 * back.
 *
 * @param doing completes the progress line: `expire tasks`
 * @returns also when it was stopped or rows were refused
 * @throws LockedError (exit 8) when the lease was lost; ConnectionError; any failure that a smaller batch cannot avoid
 */
export async function changeDue(
  database: Database,
  rule: RuleScope,
  run: JobRun,
  { limit, asOf }: DueOptions,
  doing: string,
  change: ChangeBatch,
): Promise<JobResult> {
  const { actorSetting } = rule.system
  const db = actorSetting === undefined ? database : actingAs(database, actorSetting, run.actor.osUser)
  const size = adaptiveSize({ ...BATCH, targetMs: run.batchMs })
  const done = { rows: 0, batches: 0, tried: 0, busy: 0, failed: 0 }
  const named: Failure[] = []
  let after: Position | undefined
  let stop: Pick<Stop, 'why' | 'error'> | undefined
  try {
    while (stop === undefined && done.tried < (limit ?? Number.POSITIVE_INFINITY)) {
      const most = limit === undefined ? CHUNK : Math.min(CHUNK, limit - done.tried)
      const found = await dueIds(db, rule, { asOf, after, limit: most })
      const ids = found.map(({ id }) => id)
      stop = await inBatches(ids)
      if (found.length < most) break
      after = found.at(-1)
    }
  } catch (error) {
    if (!isStop(error)) throw error
    stop = { why: error.message, error }
  }
  return result(rule, done, named, stop, limit)

  async function inBatches(ids: readonly string[]): Promise<Stop | undefined> {
    for (let from = 0; from < ids.length; ) {
      const asked = await run.pace.next()
      if (asked !== undefined) return asked
      const batch = ids.slice(from, from + size.current)
      const changed = await oneBatch(batch)
      // Smaller, and again.
      if (changed === undefined) continue
      from += batch.length
      done.tried += batch.length
      done.batches += 1
      done.rows += changed.changed
      done.failed += changed.failures.length
      done.busy += await leftBusy(batch, changed)
      named.push(...changed.failures.slice(0, NAMED - named.length))
      run.onProgress({ label: doing, done: done.rows, unit: 'rows' })
    }
    return undefined
  }

  /** @returns undefined when the batch has to be smaller */
  async function oneBatch(batch: readonly string[]): Promise<BatchResult | undefined> {
    const began = performance.now()
    try {
      const changed = await change(db, batch, {
        only: dueRows(rule, asOf),
        guard: (transaction) => run.lease.guard(transaction),
        transaction: { lockTimeoutMs: LOCK_MS },
      })
      size.took(batch.length, performance.now() - began)
      return changed
    } catch (error) {
      if (!(error instanceof StewardError) || !CONFLICTS.includes(error.code)) throw error
      if (batch.length === 1) return { changed: 0, failures: [] }
      size.shrink()
      return undefined
    }
  }

  /** Rows of a batch that are still due, although nothing was said against them: somebody else has them in hand. */
  async function leftBusy(batch: readonly string[], { changed, failures }: BatchResult): Promise<number> {
    if (changed + failures.length === batch.length) return 0
    const scope = scopeOfRule(rule)
    const { due } = await db.one<{ due: bigint }>(sql`
      SELECT COUNT(*) AS due
      FROM ${tableOf(scope)}
      WHERE ${allOf([keyIn(scope, batch), dueRows(rule, asOf)])}`)
    return Math.max(0, Number(due) - failures.length)
  }
}

interface Done {
  readonly rows: number
  readonly batches: number
  readonly busy: number
  readonly failed: number
}

function result(
  { system, applied: { rule } }: RuleScope,
  { rows, batches, busy, failed }: Done,
  named: readonly Failure[],
  stop: Pick<Stop, 'why' | 'error'> | undefined,
  limit: number | undefined,
): JobResult {
  const { name } = entityOfRule(system, rule)
  const unnamed = failed - named.length
  return {
    outcome: outcomeOf(rows, failed, stop),
    rows: BigInt(rows),
    bytes: 0n,
    batches,
    kept: busy === 0 ? [] : [{ reason: IN_USE, rows: BigInt(busy) }],
    failures: [
      ...named.map(({ id, reason }) => `${name} ${id} ${reason}`),
      ...(unnamed === 0 ? [] : [`${unnamed} more`]),
    ],
    why:
      stop?.why ??
      (limit !== undefined && rows + failed + busy >= limit ? `--limit ${limit}` : 'nothing more is due'),
  }
}

function outcomeOf(rows: number, failed: number, stop: Pick<Stop, 'error'> | undefined): JobOutcome {
  if (stop !== undefined) return stoppedAs(stop)
  if (failed > 0) return rows === 0 ? 'failed' : 'partial'
  return rows === 0 ? 'nothing' : 'done'
}
