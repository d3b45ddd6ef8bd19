/**
 * What waits for a retention rule, said quickly whatever the size of the table: counting stops at a bound, and every
 * question has a time limit of its own. Reads only.
 */
import { StewardError } from '../errors.ts'
import { ageFields, cutoffSql, dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import type { Backlog } from '../model/job.ts'
import { allOf, identifier, join, type Sql, sql } from '../model/sql.ts'
import type { Database, Transaction } from './database.ts'
import { leftBehind } from './detach-partition.ts'
import { heldPartitions } from './holds.ts'
import { type Partition, partitionsBefore, whyNotMonthly } from './partition-catalog.ts'
import { averageRowBytes } from './row-size.ts'

/** Rows counted at most. */
const MOST = 1_000_000
/** Tried where the server does not get so far within the time: a LIMIT ends a scan at its last row. */
const FEWER = 1_000

/** Milliseconds for one question, in place of the connection's own timeout. */
const QUESTION_MS = 3_000

/** Milliseconds to wait for somebody's lock on the table. */
const LOCK_MS = 200

const TOO_LONG: readonly string[] = ['statement-timeout', 'lock-timeout']

/** Nothing is due. */
export const NO_BACKLOG: Backlog = { rows: 0n, atLeast: false, oldest: null, bytes: 0n, arrivedInADay: 0n }

/**
 * What is due under a rule.
 *
 * `bytes` are those of the rule's own table: what goes with a row over foreign keys, and its files, are not counted.
 * They are the table's average row (with its share of TOAST and free space, without indexes), an estimate; for whole
 * partitions their size on disk, indexes included.
 *
 * `arrivedInADay` counts the rows that became due within the last 24 hours and are still there; a rule keeps up when
 * nothing else is due.
 *
 * For `drop-partitions` it is the rows of the partitions that end before the cutoff, those that were detached and not
 * dropped among them, and the due rows of the default one; younger rows of a month that is not over wait for its end. For files by prefix, the rows whose files are not
 * cleaned yet. Rows that are held, and months with one, wait for nothing but the end of the hold, and are not counted.
 *
 * @param most rows counted at most
 * @returns nothing due where the table is not there
 */
export async function backlogOf(db: Database, scope: RuleScope, most = MOST): Promise<Backlog> {
  const counter: Counter = { db, most }
  const { system, schema, applied } = scope
  const { rule } = applied
  const { table } = entityOfRule(system, rule)
  const [field = ''] = ageFields(rule)
  const monthly = { schema, table, field }
  if (rule.action === 'drop-partitions') {
    const otherwise = await whyNotMonthly(db, monthly)
    if (otherwise === undefined) {
      const partitions = await partitionsBefore(db, monthly, cutoffSql(applied))
      const heldUntil = await heldPartitions(db, monthly, partitions)
      const free = partitions.filter((one) => heldUntil(one) === undefined)
      return partitionBacklog(counter, free, await leftBehind(db, monthly), field, scope)
    }
    if (otherwise === 'absent') return NO_BACKLOG
  }
  const { there } = await db.one<{ there: boolean }>(
    sql`SELECT to_regclass(format('%I.%I', ${schema}::text, ${table}::text)) IS NOT NULL AS there`,
  )
  if (!there) return NO_BACKLOG
  return rowBacklog(counter, identifier(schema, table), scope, await averageRowBytes(db, schema, table))
}

/** What is dropped as a whole: a partition, or what was one. */
type Detached = Pick<Partition, 'schema' | 'name' | 'bytes'>

interface Counter {
  readonly db: Database
  readonly most: number
}

/** Of rows, in whatever they lie. */
async function rowBacklog(
  counter: Counter,
  from: Sql,
  scope: RuleScope,
  rowBytes: number | undefined,
): Promise<Backlog> {
  const alias = 'r'
  const source = sql`${from} AS ${identifier(alias)}`
  const since = sql`${cutoffSql(scope.applied)} - interval '1 day'`
  const open = notCleaned(scope, alias)
  const [counted, oldest, arrived] = [
    await countUpTo(counter, sql`SELECT FROM ${source} WHERE ${allOf([dueSql(scope, alias), ...open])}`),
    await oldestOf(counter.db, source, scope, alias),
    await countUpTo(
      counter,
      union(
        byField(scope, alias).map(
          ({ age, due }) => sql`SELECT FROM ${source} WHERE ${allOf([due, ...open, sql`${age} >= ${since}`])}`,
        ),
      ),
    ),
  ]
  const least = counted ?? { rows: oldest ? 1n : 0n, atLeast: true }
  return {
    ...least,
    oldest: oldest ?? null,
    bytes: rowBytes === undefined ? null : BigInt(Math.round(Number(least.rows) * rowBytes)),
    arrivedInADay: arrived === undefined || arrived.atLeast ? null : arrived.rows,
  }
}

async function partitionBacklog(
  counter: Counter,
  partitions: readonly Partition[],
  detached: readonly Detached[],
  field: string,
  scope: RuleScope,
): Promise<Backlog> {
  const { db } = counter
  const past = partitions.filter(({ isPast }) => isPast)
  const whole: readonly Detached[] = [...detached, ...past]
  const rest = partitions.find(({ isDefault }) => isDefault)
  const strays =
    rest === undefined
      ? NO_BACKLOG
      : await rowBacklog(
          counter,
          identifier(rest.schema, rest.name),
          scope,
          await averageRowBytes(db, rest.schema, rest.name),
        )
  if (whole.length === 0) return strays
  const rowsOf = (some: readonly Detached[]) =>
    countUpTo(counter, union(some.map(({ schema, name }) => sql`SELECT FROM ${identifier(schema, name)}`)))
  const counted = (await rowsOf(whole)) ?? { rows: 0n, atLeast: true }
  const lately = await db.one<{ names: string[] }>(sql`
    SELECT COALESCE(array_agg(name), '{}') AS names
    FROM unnest(${past.map(({ name }) => name)}::text[], ${past.map(({ until }) => until)}::timestamptz[])
      AS ended (name, until)
    WHERE until > ${cutoffSql(scope.applied)} - interval '1 day'`)
  const arrived = await rowsOf(past.filter(({ name }) => lately.names.includes(name)))
  return {
    rows: counted.rows + strays.rows,
    atLeast: counted.atLeast || strays.atLeast,
    oldest: earlier(await oldestInPartitions(db, whole, field), strays.oldest),
    bytes: whole.reduce((sum, { bytes }) => sum + bytes, 0n) + (strays.bytes ?? 0n),
    arrivedInADay:
      arrived === undefined || arrived.atLeast || strays.arrivedInADay === null
        ? null
        : arrived.rows + strays.arrivedInADay,
  }
}

/** Of the first partition that has a row: they come in the order of their bounds. */
async function oldestInPartitions(db: Database, past: readonly Detached[], field: string): Promise<Date | null> {
  for (const { schema, name } of past) {
    const found = await firstOf(db, identifier(field), identifier(schema, name), sql`TRUE`)
    if (found !== undefined) return found
  }
  return null
}

/** The instant that the oldest due row counts from; undefined where there is none, or it took too long. */
async function oldestOf(db: Database, source: Sql, scope: RuleScope, alias: string): Promise<Date | undefined> {
  let oldest: Date | undefined
  for (const { age, due } of byField(scope, alias)) {
    const found = await firstOf(db, age, source, allOf([due, ...notCleaned(scope, alias)]))
    oldest = earlier(oldest ?? null, found ?? null) ?? undefined
  }
  return oldest
}

/** min() walks an index on the age where there is one. Rows without end of time behind them have no instant to show. */
async function firstOf(db: Database, age: Sql, source: Sql, where: Sql): Promise<Date | undefined> {
  const found = await withinTime(db, (transaction) =>
    transaction.one<{ first: string | null }>(sql`
      SELECT MIN(${age}) AS first
      FROM ${source}
      WHERE ${where}
        AND isfinite(${age})`),
  )
  const first = new Date(found?.first ?? '')
  // Years BC stay text, and are no instant that JavaScript could hold either.
  return Number.isNaN(Number(first)) ? undefined : first
}

/**
 * The condition for each of several age fields by itself, so that an index on each can serve; no row meets two of them.
 */
function byField(scope: RuleScope, alias: string): { readonly age: Sql; readonly due: Sql }[] {
  const { rule } = scope.applied
  const fields = ageFields(rule)
  return fields.map((field, index) => {
    const applied = { ...scope.applied, rule: { ...rule, ageOf: field } }
    const unset = fields.slice(0, index).map((before) => sql`${identifier(alias, before)} IS NULL`)
    return { age: identifier(alias, field), due: allOf([...unset, dueSql({ ...scope, applied }, alias)]) }
  })
}

/** Files by prefix are cleaned once the row says when. */
function notCleaned({ applied: { rule } }: RuleScope, alias: string): Sql[] {
  return rule.files === undefined ? [] : [sql`${identifier(alias, rule.files.cleanedAt)} IS NULL`]
}

function union(parts: readonly Sql[]): Sql {
  return parts.length === 0 ? sql`SELECT WHERE FALSE` : join(parts, '\nUNION ALL\n')
}

/** Counts rows, not further than a bound; undefined when the server could not even do that in time. */
async function countUpTo(
  { db, most }: Counter,
  rows: Sql,
): Promise<{ readonly rows: bigint; readonly atLeast: boolean } | undefined> {
  for (const bound of most > FEWER ? [most, FEWER] : [most]) {
    const found = await withinTime(db, (transaction) =>
      transaction.one<{ rows: bigint }>(sql`
        SELECT COUNT(*) AS rows
        FROM (
          SELECT
          FROM (${rows}) AS due
          LIMIT ${bound}
        ) AS counted`),
    )
    if (found !== undefined) return { rows: found.rows, atLeast: found.rows >= BigInt(bound) }
  }
  return undefined
}

/** One question in a transaction of its own; undefined when the server ended it for the time it took. */
async function withinTime<T>(db: Database, ask: (transaction: Transaction) => Promise<T>): Promise<T | undefined> {
  try {
    return await db.transaction(ask, { readOnly: true, statementTimeoutMs: QUESTION_MS, lockTimeoutMs: LOCK_MS })
  } catch (error) {
    if (error instanceof StewardError && TOO_LONG.includes(error.code)) return undefined
    throw error
  }
}

function earlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return a < b ? a : b
}
