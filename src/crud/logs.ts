/** The log of a row (model, `LogsOperation`): its last lines, and those that come while somebody watches. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Queryable } from '../db/database.ts'
import { throwIfStopped } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { type Lifecycle, statesOf } from '../model/lifecycle.ts'
import type { Moment } from '../model/moment.ts'
import type { LogsOperation } from '../model/operation.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { conditionsFrom, type Filter } from './filters.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'

export interface LogOptions {
  /** Id of the row whose log it is. */
  readonly id: string
  /** The least severe level shown. */
  readonly level?: string | undefined
  readonly since?: Moment | undefined
  readonly until?: Moment | undefined
  /** Text in the message, whatever its case. */
  readonly search?: string | undefined
  /** Lines at most, the last ones. */
  readonly limit: number
  /** Fields of the lines. */
  readonly fields: readonly string[]
}

export interface LastLines {
  /** Oldest first. */
  readonly lines: readonly Cells[]
  /** There are earlier ones. */
  readonly cut: boolean
}

/** The entity of the lines. @throws RangeError (a bug) when the operation names none */
export function logScope(scope: Scope, { entity: name }: Pick<LogsOperation, 'entity'>): Scope {
  const entity = entityNamed(scope.system, name)
  if (!entity) throw new RangeError(`${scope.system.name} has no entity ${name}`)
  return scopeOf(scope, entity)
}

/** The last lines that match. */
export async function lastLines(
  db: Queryable,
  scope: Scope,
  operation: LogsOperation,
  options: LogOptions,
): Promise<LastLines> {
  const log = logScope(scope, operation)
  const [time, key] = [identifier(operation.time), identifier(log.entity.primaryKey)]
  // One more than asked for tells whether there are earlier ones.
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(read(log, operation, options.fields))}
    FROM ${tableOf(log)}
    WHERE ${matching(log, operation, options)}
    ORDER BY ${time} DESC, ${key} DESC
    LIMIT ${options.limit + 1}::bigint`)
  return { lines: rows.slice(0, options.limit).reverse(), cut: rows.length > options.limit }
}

/** Milliseconds between looks at a log that brings nothing new. */
const INTERVAL_MS = 1000
/** Lines read at once. */
const PAGE = 1000
/**
 * How far each look goes back behind what it has seen. A line carries the time at which its transaction began and is seen
 * once it commits, so lines of a longer transaction come after later ones; those that take longer than this are missed.
 */
const OVERLAP_SECONDS = 30

export interface FollowOptions extends LogOptions {
  /** Ends the following with the error it carries. */
  readonly signal: AbortSignal
  readonly intervalMs?: number
}

/**
 * The last lines, then every one that comes, until the row has ended and two looks in a row brought nothing: what its
 * last transaction logs may be committed a moment after its state. A row without a lifecycle never ends.
 *
 * @param onCut called when there are earlier lines than the first ones shown
 * @throws InterruptedError when the signal is aborted
 */
export async function* followLines(
  db: Database,
  scope: Scope,
  operation: LogsOperation,
  { signal, intervalMs = INTERVAL_MS, ...options }: FollowOptions,
  onCut: () => void = () => {},
): AsyncGenerator<readonly Cells[], void, undefined> {
  const log = logScope(scope, operation)
  const keyOf = (row: Cells) => String(row[log.entity.primaryKey])
  // Before the lines: what is committed in between is then looked at again, not missed.
  let { now: looked } = await clock(db)
  const seen = new Map<string, string>()
  const note = (row: Cells) => seen.set(keyOf(row), String(row[operation.time]))
  // In one snapshot, so that what is left out on purpose is not taken for late ones afterwards.
  const { lines, cut } = await db.transaction(
    async (transaction) => {
      const last = await lastLines(transaction, scope, operation, options)
      const from = floorSql(last.lines.at(-1)?.[operation.time], looked)
      const pages = last.cut ? linesSince(transaction, scope, operation, options, from) : []
      for await (const page of pages) page.forEach(note)
      last.lines.forEach(note)
      return last
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
  if (cut) onCut()
  let newest = lines.at(-1)
  if (lines.length > 0) yield lines
  for (let quiet = 0; quiet < 2; ) {
    throwIfStopped(signal)
    await sleep(intervalMs, undefined, { signal }).catch(() => {})
    throwIfStopped(signal)
    const ended = await hasEnded(db, scope, options.id)
    const { now, floor } = await clock(db, newest?.[operation.time], looked)
    const from = await unseenFrom(db, scope, operation, options, { floor, newest: newest?.[operation.time], seen })
    let count = 0
    for await (const page of from === undefined ? [] : linesSince(db, scope, operation, options, instantSql(from))) {
      const fresh = page.filter((row) => !seen.has(keyOf(row)))
      fresh.forEach(note)
      count += fresh.length
      const last = page.at(-1)
      if (last && (!newest || String(last[operation.time]) > String(newest[operation.time]))) newest = last
      if (fresh.length > 0) yield fresh
    }
    looked = now
    forget(seen, newest === undefined ? looked : earlier(String(newest[operation.time]), looked))
    quiet = ended && count === 0 ? quiet + 1 : 0
  }
}

/**
 * Where there is something to read: nowhere when everything was seen, at the newest line when there are only later ones,
 * else from the floor on. Counting is much cheaper than reading again, every second, all that came in a burst.
 */
async function unseenFrom(
  db: Queryable,
  scope: Scope,
  operation: LogsOperation,
  options: LogOptions,
  {
    floor,
    newest,
    seen,
  }: { readonly floor: string; readonly newest: unknown; readonly seen: ReadonlyMap<string, string> },
): Promise<string | undefined> {
  if (typeof newest !== 'string') return floor
  const log = logScope(scope, operation)
  const time = identifier(operation.time)
  const there = await db.one<{ earlier: bigint; later: bigint }>(sql`
    SELECT count(*) FILTER (WHERE ${time} < ${instantSql(newest)}) AS earlier,
           count(*) FILTER (WHERE ${time} >= ${instantSql(newest)}) AS later
    FROM ${tableOf(log)}
    WHERE ${matching(log, operation, options)}
      AND ${time} >= ${instantSql(floor)}`)
  let earlier = 0n
  let later = 0n
  // Times have six digits below the second, so that they compare as texts.
  for (const at of seen.values()) {
    if (at >= newest) later++
    else if (at >= floor) earlier++
  }
  if (earlier !== there.earlier) return floor
  return later === there.later ? undefined : newest
}

/** The lines from an instant on, a page at a time by keyset on (time, key). */
async function* linesSince(
  db: Queryable,
  scope: Scope,
  operation: LogsOperation,
  options: LogOptions,
  from: Sql,
): AsyncGenerator<readonly Cells[], void, undefined> {
  const log = logScope(scope, operation)
  const key = log.entity.primaryKey
  const place = sql`(${identifier(operation.time)}, ${identifier(key)})`
  const at = (row: Cells) =>
    sql`(${row[operation.time]}::timestamptz, ${String(row[key])}::${castType(log, fieldOf(log.entity, key))})`
  let after: Cells | undefined
  do {
    const conditions = [
      matching(log, operation, options),
      after ? sql`${place} > ${at(after)}` : sql`${identifier(operation.time)} >= ${from}`,
    ]
    const page = await db.rows<Cells>(sql`
      SELECT ${selectList(read(log, operation, options.fields))}
      FROM ${tableOf(log)}
      WHERE ${allOf(conditions)}
      ORDER BY ${identifier(operation.time)}, ${identifier(key)}
      LIMIT ${PAGE}::bigint`)
    if (page.length > 0) yield page
    after = page.length === PAGE ? page.at(-1) : undefined
  } while (after)
}

/**
 * Where a look begins: behind the newest line, or behind the last look where that line's clock is ahead of the server's.
 */
function floorSql(newest: unknown, looked: string): Sql {
  return sql`least(${newest ?? looked}::timestamptz, ${looked}::timestamptz)
             - make_interval(secs => ${OVERLAP_SECONDS}::double precision)`
}

/** Fields to read: those that are shown, and those that say where a line stands. */
function read(log: Scope, operation: LogsOperation, fields: readonly string[]): string[] {
  return [...new Set([...fields, operation.time, log.entity.primaryKey])]
}

function matching(log: Scope, operation: LogsOperation, options: LogOptions): Sql {
  const { level, since, until, search } = options
  const filters: Filter[] = [{ is: 'compared', field: operation.via, by: '=', value: options.id }]
  if (level !== undefined)
    filters.push({ is: 'in', field: operation.level, values: levelsFrom(log, operation, level) })
  if (since) filters.push({ is: 'compared', field: operation.time, by: '>=', value: since })
  if (until) filters.push({ is: 'compared', field: operation.time, by: '<', value: until })
  if (search !== undefined) filters.push({ is: 'like', fields: [operation.message], text: search })
  return allOf(conditionsFrom(log, filters))
}

/** The level and those more severe than it, by the declared order. */
function levelsFrom(log: Scope, operation: LogsOperation, level: string): readonly string[] {
  const { values = [] } = fieldOf(log.entity, operation.level)
  return values.slice(Math.max(0, values.indexOf(level)))
}

/** The server's time, and where the next look begins; exact to the microsecond. */
async function clock(
  db: Queryable,
  newest?: unknown,
  looked?: string,
): Promise<{ readonly now: string; readonly floor: string }> {
  return db.one<{ now: string; floor: string }>(sql`
    SELECT now, ${looked === undefined ? sql`now` : floorSql(newest, looked)} AS floor
    FROM clock_timestamp() AS now`)
}

function instantSql(instant: string): Sql {
  return sql`${instant}::timestamptz`
}

/** Whether the row is in a terminal state, or gone. */
async function hasEnded(db: Queryable, scope: Scope, id: string): Promise<boolean> {
  const { entity } = scope
  const { lifecycle } = entity
  const state = lifecycle ? identifier(lifecycle.field) : sql`NULL`
  const row = await db.maybeOne<{ state: unknown }>(sql`
    SELECT ${state}::text AS state
    FROM ${tableOf(scope)}
    WHERE ${identifier(entity.primaryKey)} = ${id}::${castType(scope, fieldOf(entity, entity.primaryKey))}`)
  return row === undefined || (lifecycle !== undefined && isTerminal(lifecycle, row.state))
}

function isTerminal(lifecycle: Lifecycle, state: unknown): boolean {
  return statesOf(lifecycle, 'terminal').includes(String(state))
}

function earlier(one: string, other: string): string {
  return one < other ? one : other
}

/** Lines that no later look can bring again. Twice the overlap: the clocks of this machine are not asked. */
function forget(seen: Map<string, string>, floor: string): void {
  const limit = Date.parse(floor) - 2 * OVERLAP_SECONDS * 1000
  for (const [key, time] of seen) if (Date.parse(time) < limit) seen.delete(key)
}
