/** The rows that the reports are about, as they stand in the tables, and the arithmetic the tests do on them. */
import type { Database } from '../../src/db/database.ts'
import { identifier, sql } from '../../src/model/sql.ts'

export interface OrganizationRow {
  readonly organization_id: string
  readonly organization_name: string
}

export interface TaskRow {
  readonly task_id: string
  readonly organization_id: string
  readonly status: string
  readonly failure_reason: string | null
  readonly created_at: string
  readonly completed_at: string | null
}

export interface StepRow {
  readonly step_id: string
  readonly task_id: string
  readonly status: string
  readonly order: number
  readonly retry_index: number
  readonly step_type: string
  readonly failure_reason: string | null
  readonly created_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
}

export interface ActionRow {
  readonly action_id: string
  readonly step_id: string
}

export interface ArtifactRow {
  readonly artifact_id: string
  readonly task_id: string | null
  readonly organization_id: string
  readonly artifact_type: string
  readonly file_size_bytes: bigint | null
  readonly created_at: string
}

export interface WorkflowRow {
  readonly workflow_id: string
  readonly organization_id: string
  readonly title: string
  readonly version: number
}

export interface RunRow {
  readonly workflow_run_id: string
  readonly workflow_id: string
  readonly status: string
  readonly failure_reason: string | null
  readonly created_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
}

export interface BlockRow {
  readonly workflow_run_id: string
  readonly block_index: number
  readonly block_type: string
  readonly status: string
  readonly started_at: string | null
  readonly completed_at: string | null
}

export interface Raw {
  readonly organizations: readonly OrganizationRow[]
  readonly tasks: readonly TaskRow[]
  readonly steps: readonly StepRow[]
  readonly actions: readonly ActionRow[]
  readonly artifacts: readonly ArtifactRow[]
  readonly workflows: readonly WorkflowRow[]
  readonly workflow_runs: readonly RunRow[]
  readonly workflow_blocks: readonly BlockRow[]
}

/** Every row of the tables, whole. */
export async function readRaw(db: Database): Promise<Raw> {
  const all = <T extends object>(table: string) => db.rows<T>(sql`SELECT * FROM ${identifier('skyvern', table)}`)
  return {
    organizations: await all<OrganizationRow>('organizations'),
    tasks: await all<TaskRow>('tasks'),
    steps: await all<StepRow>('steps'),
    actions: await all<ActionRow>('actions'),
    artifacts: await all<ArtifactRow>('artifacts'),
    workflows: await all<WorkflowRow>('workflows'),
    workflow_runs: await all<RunRow>('workflow_runs'),
    workflow_blocks: await all<BlockRow>('workflow_blocks'),
  }
}

/** Half-open, both with microseconds and in UTC. */
export interface Period {
  readonly since: string
  readonly until: string
}

/** Microseconds since 1970 of `2026-11-22T03:51:04.100000Z`; a Date would lose the last three digits. */
export function micros(iso: string): bigint {
  const [, second = '', fraction = ''] = /^(.{19})\.(\d{6})Z$/.exec(iso) ?? []
  return BigInt(Date.parse(`${second}Z`)) * 1000n + BigInt(fraction)
}

const DAY = 86_400_000_000n

/** Every UTC day with an instant of the period, as `2026-11-22`. */
export function daysOf({ since, until }: Period): string[] {
  const days: string[] = []
  for (let day = micros(since) / DAY; day * DAY < micros(until); day++) {
    days.push(new Date(Number((day * DAY) / 1000n)).toISOString().slice(0, 10))
  }
  return days
}

export function isWithin(row: { readonly created_at: string }, period: Period): boolean {
  const at = micros(row.created_at)
  return at >= micros(period.since) && at < micros(period.until)
}

/** Seconds between two times; null when one is missing. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : Number(micros(to) - micros(from)) / 1e6
}

const present = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null)

/** Mean of what is there; null when nothing is. */
export function mean(values: readonly (number | null)[]): number | null {
  const known = present(values)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}

/** Linear interpolation between closest ranks, as PERCENTILE_CONT is defined (SQL:2003, 10.9). */
export function percentile(share: number, values: readonly (number | null)[]): number | null {
  const sorted = present(values).toSorted((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  if (below === undefined || above === undefined) return null
  return below + (above - below) * (place - Math.floor(place))
}

/** Part of the whole in percent; 0 of nothing. */
export const shareOf = (part: number, whole: number): number => (whole === 0 ? 0 : (part / whole) * 100)

export const countOf = (rows: readonly { readonly status: string }[], ...states: readonly string[]): number =>
  rows.filter(({ status }) => states.includes(status)).length

/** The greatest time in text form, null of none; texts of one width sort as times do. */
export const latest = (times: readonly string[]): string | null => times.toSorted().at(-1) ?? null
export const earliest = (times: readonly string[]): string | null => times.toSorted().at(0) ?? null

export function groupBy<T, K>(rows: readonly T[], keyOf: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

/** Comparison by several keys; null comes last whichever way. Texts by their bytes, as the test cluster collates. */
export function by<T>(
  ...keys: readonly ((row: T) => readonly ['up' | 'down', number | bigint | string | null])[]
): (a: T, b: T) => number {
  return (a, b) => {
    for (const key of keys) {
      const [[way, x], [, y]] = [key(a), key(b)]
      if (x === y) continue
      if (x === null) return 1
      if (y === null) return -1
      const order =
        typeof x === 'string' && typeof y === 'string'
          ? Buffer.compare(Buffer.from(x), Buffer.from(y))
          : x < y
            ? -1
            : 1
      if (order !== 0) return way === 'up' ? order : -order
    }
    return 0
  }
}
