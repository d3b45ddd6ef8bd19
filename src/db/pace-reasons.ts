/** What maintenance waits for: replicas that are behind, sessions that wait for its locks, the operator's word. */
import { access } from 'node:fs/promises'
import { StewardError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { Queryable } from './database.ts'
import { type Reason, sleep } from './pace.ts'

/** Waits while a file is there; `touch` stops maintenance on the machine it runs on. */
export function stopFile(path: string): Reason {
  return {
    everyMs: 0,
    async check() {
      const there = await access(path).then(
        () => true,
        () => false,
      )
      return there ? `the stop file ${path} is there` : undefined
    },
  }
}

/** Waits while the configuration says so. @param isPaused reads it again */
export function configuredPause(isPaused: () => Promise<boolean>): Reason {
  return {
    everyMs: 1000,
    check: async () => ((await isPaused()) ? 'the configuration says maintenance.pause: true' : undefined),
  }
}

/** Milliseconds that lag is good for: it grows by as much meanwhile, and limits are of seconds. */
const LAG_EVERY = 2000

interface Standby {
  readonly name: string | null
  readonly state: string | null
  /** Seconds; null when it has replayed everything. */
  readonly lag: number | null
}

/**
 * Waits while a standby that the primary knows of is behind by more than the limit. The primary measures it as the time
 * until the standby reported a position replayed (`replay_lag`; PostgreSQL manual, 27.2.2): it is empty on an idle
 * primary, and grows where replay stands still.
 *
 * @param tell takes a line when the role may not see the standbys
 */
export function standbyLag(db: Queryable, limitSeconds: number, tell: (line: string) => void): Reason {
  let told = false
  return {
    everyMs: LAG_EVERY,
    async check() {
      const standbys = await unlessFailed(() =>
        db.rows<Standby>(sql`
          SELECT
            COALESCE(NULLIF(application_name, ''), host(client_addr), pid::text) AS name,
            state,
            EXTRACT(epoch FROM replay_lag)::float8 AS lag
          FROM pg_catalog.pg_stat_replication
          -- Not a base backup, which replays nothing.
          WHERE state IS DISTINCT FROM 'backup'
          ORDER BY replay_lag DESC NULLS LAST`),
      )
      if (standbys?.some(({ state }) => state === null) && !told) {
        told = true
        tell('the lag of replicas cannot be seen by this role; GRANT pg_monitor lets it')
      }
      const behind = standbys?.find(({ lag }) => (lag ?? 0) > limitSeconds)
      return behind && `replica ${behind.name} is ${Math.round(behind.lag ?? 0)} s behind (limit ${limitSeconds} s)`
    },
  }
}

export interface ReplicaOptions {
  readonly primary: Queryable
  /** Opens the replica that the profile names. */
  readonly replica: () => Promise<Queryable>
  /** Its host, for people. */
  readonly name: string
  readonly limitSeconds: number
  readonly signal: AbortSignal
  readonly tell: (line: string) => void
}

/** Milliseconds that a replica is given to replay what the primary has written before the lag counts. */
const SECOND_LOOK = 500

/**
 * Waits while the replica of the profile is behind by more than the limit, also where the primary does not see it (a
 * cascade, a role without pg_monitor).
 *
 * The time of the last replayed transaction alone says nothing: on an idle primary it grows without any lag, and right
 * after an idle hour the first transaction looks an hour late. So a replica that has what the primary had written is
 * not behind, and one that seems to be gets a moment to replay just that.
 */
export function replicaLag({ primary, replica, name, limitSeconds, signal, tell }: ReplicaOptions): Reason {
  let told = false
  const unseen = (why: string) => {
    if (!told) tell(`the replica ${name} cannot be watched: ${why}`)
    told = true
    return undefined
  }
  return {
    everyMs: LAG_EVERY,
    async check() {
      const position = await unlessFailed(() =>
        primary.one<{ lsn: string }>(sql`SELECT pg_catalog.pg_current_wal_lsn()::text AS lsn`),
      )
      if (position === undefined) return undefined
      try {
        const db = await replica()
        const first = await replayed(db, position.lsn)
        if (!first.standby) return unseen('it is no standby')
        if (first.caught || (first.behind ?? limitSeconds + 1) <= limitSeconds) return undefined
        await sleep(SECOND_LOOK, signal)
        const second = await replayed(db, position.lsn)
        if (second.caught || signal.aborted) return undefined
        const behind = second.behind === null ? 'at its beginning' : `${Math.round(second.behind)} s behind`
        return `replica ${name} is ${behind} (limit ${limitSeconds} s)`
      } catch (error) {
        if (!(error instanceof StewardError)) throw error
        return unseen(error.message)
      }
    },
  }
}

function replayed(
  replica: Queryable,
  lsn: string,
): Promise<{ readonly standby: boolean; readonly caught: boolean; readonly behind: number | null }> {
  return replica.one(sql`
    SELECT
      pg_catalog.pg_is_in_recovery() AS standby,
      COALESCE(pg_catalog.pg_last_wal_replay_lsn() >= ${lsn}::pg_lsn, false) AS caught,
      EXTRACT(epoch FROM clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())::float8 AS behind`)
}

/** Milliseconds into a batch before locks are looked at, and between two looks. */
const FIRST_LOOK = 300
const NEXT_LOOK = 1000
/** Milliseconds of room that those who waited are given at least and at most. */
const LEAST_ROOM = 200
const MOST_ROOM = 5000

/**
 * Gives way to sessions that had to wait for a lock of this run. Its locks are gone with the batch, so they are looked
 * at while it runs; afterwards as much time is left free as the batch had taken.
 *
 * @param applicationName of the run's own connections: it finds their backends behind a pooler, too
 */
export function lockWaiters(db: Queryable, applicationName: string): Reason {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let seen: string | undefined
  let room: { readonly until: number; readonly why: string } | undefined

  function lookIn(milliseconds: number): void {
    timer = setTimeout(() => {
      looking = look()
    }, milliseconds)
    timer.unref()
  }

  async function look(): Promise<void> {
    const mine = timer
    const waiter = await unlessFailed(() => waiterFor(db, applicationName))
    // The batch may have ended meanwhile.
    if (waiter !== undefined) seen = waiter
    if (timer === mine && seen === undefined) lookIn(NEXT_LOOK)
  }

  return {
    everyMs: 0,
    begun() {
      seen = undefined
      lookIn(FIRST_LOOK)
    },
    over(took) {
      clearTimeout(timer)
      timer = undefined
      if (seen === undefined) return
      const until = performance.now() + Math.min(Math.max(took, LEAST_ROOM), MOST_ROOM)
      room = { until, why: `${seen} had to wait for a lock of this run` }
      seen = undefined
    },
    async check() {
      await looking
      return room !== undefined && performance.now() < room.until ? room.why : undefined
    },
  }
}

/** A session that waits for one of ours, in words. pg_locks shows everybody's, pg_stat_activity only one's own. */
async function waiterFor(db: Queryable, applicationName: string): Promise<string | undefined> {
  const [waiter] = await db.rows<{ pid: number; application: string | null }>(sql`
    SELECT w.pid, NULLIF(a.application_name, '') AS application
    FROM (
      SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE NOT granted
    ) AS w
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
    WHERE a.application_name IS DISTINCT FROM ${applicationName}
      AND pg_catalog.pg_blocking_pids(w.pid) && ARRAY(
        SELECT o.pid
        FROM pg_catalog.pg_stat_activity AS o
        WHERE o.datname = current_database()
          AND o.usename = current_user
          AND o.application_name = ${applicationName}
      )
    LIMIT 1`)
  return waiter && `session ${waiter.pid}${waiter.application === null ? '' : ` (${waiter.application})`}`
}

/** A look that fails is no reason to wait: what is wrong with the server, the batches will meet themselves. */
async function unlessFailed<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    return undefined
  }
}
