/** Whether removal keeps up with arrival. */
import type { Backlog } from '../model/job.ts'
import type { JobSummary } from './job-record.ts'

export interface Removal {
  /**
   * `keeps up`, `falls behind by 1,200 rows a day`, `catches up by 300 rows a day`, `fails`, `never run`; null when
   * unknown.
   */
  readonly words: string | null
  /** Growth of the backlog in rows a day; null when it cannot be told. */
  readonly growth: number | null
  /** Somebody should run it. */
  readonly overdue: boolean
}

/** Seconds after which a run that left nothing says no more about now: a daily one and a half. */
const RECENT = 36 * 3600

/** Share of the arrivals by which arrival and removal may differ from day to day. */
const NOISE = 0.1

/**
 * Compares what became due within a day with what was removed, a day, over the last week.
 *
 * Where nothing is due for longer than a day, removal has kept up; also where the last run, less than a day and a half
 * ago, left nothing that it could remove (what is still there was kept back). Else rows that became due within the day
 * stand against those removed: as long as older ones are there, those go first, so the difference is how the backlog
 * grows.
 *
 * @param summary of the job's records; undefined when it never ran, null when the records cannot be read
 */
export function removalOf(backlog: Backlog, summary: JobSummary | undefined | null): Removal {
  const { rows, arrivedInADay: arrived } = backlog
  if (summary === null) return { words: null, growth: null, overdue: false }
  if (summary === undefined) return { words: 'never run', growth: null, overdue: rows > 0n }
  const recent = summary.since_success !== null && summary.since_success < RECENT
  if (rows === 0n || recent) return { words: 'keeps up', growth: null, overdue: false }
  if (arrived === null) return { words: null, growth: null, overdue: true }
  // Its rows are young, and they will grow old.
  const fails = summary.outcome === 'failed'
  const steady = { words: fails ? 'fails' : 'keeps up', overdue: fails }
  if (!backlog.atLeast && rows <= arrived) return { ...steady, growth: null }
  const growth = Math.round(Number(arrived) - (summary.removed_a_day ?? 0))
  if (growth > Number(arrived) * NOISE) {
    return { words: `falls behind by ${rowsADay(growth)}`, growth, overdue: true }
  }
  return growth < 0 ? { words: `catches up by ${rowsADay(-growth)}`, growth, overdue: false } : { ...steady, growth }
}

function rowsADay(rows: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'} a day`
}
