/**
 * Rows that reports get wrong easily: exactly on the bounds of the window, without children, without reasons, not
 * finished, finished before they began, larger than a double can count. The same rows in every run.
 */
import type { Database } from '../../src/db/database.ts'
import { identifier, join, sql } from '../../src/model/sql.ts'
import type { Period } from './raw.ts'

/** Begins and ends within a day and within a second. */
export const PERIOD: Period = { since: '2026-03-28T22:30:00.000001Z', until: '2026-04-05T12:00:00.500000Z' }

/** The bounds themselves, and the instants a microsecond to either side. */
const BOUNDS = [
  '2026-03-28T22:30:00.000000Z',
  PERIOD.since,
  '2026-03-28T22:30:00.000002Z',
  '2026-04-05T12:00:00.499999Z',
  PERIOD.until,
  '2026-04-05T12:00:00.500001Z',
]
/** Where one day ends in UTC, in New York (where the tests run), and where European clocks jump. */
const TURNS = [
  '2026-03-28T23:59:59.999999Z',
  '2026-03-29T00:00:00.000000Z',
  '2026-03-29T01:00:00.000000Z',
  '2026-03-30T03:59:59.999999Z',
  '2026-03-30T04:00:00.000000Z',
]

const ORGANIZATIONS = ['o_large', 'o_small', 'o_idle', 'o_empty'] as const
const TASK_STATES = ['created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'terminated'] as const
const STEP_STATES = ['created', 'running', 'completed', 'failed', 'retrying', 'skipped'] as const
const BLOCK_STATES = ['created', 'running', 'completed', 'failed', 'cancelled', 'terminated', 'skipped'] as const
// Not network_logs: a type without a row must not appear.
const ARTIFACT_TYPES = [
  'screenshot_action',
  'screenshot_llm',
  'screenshot_step',
  'recording',
  'har_file',
  'extracted_data',
  'downloaded_file',
  'browser_logs',
] as const
/** More than a report lists, many equally frequent. */
const REASONS = [null, '', ...'abcdefghijklm', 'Zeitüberschreitung', "it's gone; \\ \n second line"] as const
/** The last two together exceed 64 bits. */
const SIZES = [null, '0', '1', '4096', '9007199254740993', '9223372036854775807'] as const

type Row = Readonly<Record<string, string | number | boolean | object | null>>

/** Fills the tables. */
export async function insertFixture(db: Database): Promise<void> {
  for (const [table, rows] of Object.entries(fixtureRows())) await insert(db, table, rows)
}

/** Inserts rows of one shape; columns that they do not name take their defaults. */
export async function insert(db: Database, table: string, rows: readonly Row[]): Promise<void> {
  const columns = join(Object.keys(rows[0] ?? {}).map((key) => identifier(key)))
  const name = identifier('skyvern', table)
  await db.execute(sql`
    INSERT INTO ${name} (${columns})
    SELECT ${columns} FROM jsonb_populate_recordset(NULL::${name}, ${JSON.stringify(rows)}::jsonb)
  `)
}

/** Parents before children. */
function fixtureRows(): Readonly<Record<string, readonly Row[]>> {
  const { pick, below } = chance(11)
  const shifted = (iso: string, by: number) => plus(iso, by)
  const instant = () =>
    pick<() => string>(
      () => pick(...BOUNDS),
      () => pick(...TURNS),
      () => shifted('2026-03-27T00:00:00.000000Z', below(11 * 86_400) * 1e6 + below(1e6)),
    )()
  // Clocks differ: some things end before they begin, where the schema allows it.
  const later = (iso: string, least = 0) => shifted(iso, least + below(240_000_000))

  const tasks = Array.from({ length: 240 }, (_, index) => {
    const created_at = index < BOUNDS.length ? (BOUNDS[index] ?? '') : instant()
    const status = pick(...TASK_STATES)
    return {
      task_id: `tsk_${index}`,
      organization_id: index % 4 === 0 ? 'o_small' : 'o_large',
      url: 'https://example.com',
      navigation_goal: 'Look',
      status,
      failure_reason: status === 'failed' ? pick(...REASONS) : null,
      created_at,
      completed_at: ['completed', 'failed', 'cancelled', 'terminated'].includes(status)
        ? later(created_at, -1_000_000)
        : null,
    }
  })
  const steps = tasks.flatMap(({ task_id, created_at }, task) =>
    // Every seventh task has no steps; the others up to five, their numbers with gaps.
    Array.from({ length: task % 7 === 0 ? 0 : 1 + below(5) }, (_, index) => {
      const started_at = pick(null, instant(), later(created_at))
      return {
        step_id: `stp_${task}_${index}`,
        task_id,
        status: pick(...STEP_STATES),
        order: index * 2 + 1,
        retry_index: pick(0, 0, 0, 1, 3),
        step_type: pick('action', 'action', 'navigation', 'extraction', 'validation'),
        failure_reason: pick(...REASONS),
        created_at: pick(created_at, instant()),
        started_at,
        completed_at: started_at === null ? null : pick(null, started_at, later(started_at)),
      }
    }),
  )
  const actions = steps.flatMap(({ step_id }, step) =>
    Array.from({ length: step % 4 }, (_, index) => ({
      action_id: `act_${step}_${index}`,
      step_id,
      action_type: 'click',
    })),
  )
  const workflows = [
    ...Array.from({ length: 4 }, (_, index) => ({ id: `w_${index}`, organization_id: 'o_large' })),
    { id: 'w_small', organization_id: 'o_small' },
    { id: 'w_outside', organization_id: 'o_small' },
    { id: 'w_never', organization_id: 'o_idle' },
  ].map(({ id, organization_id }, index) => ({
    workflow_id: id,
    workflow_permanent_id: `wpid_${index >> 1}`,
    version: 1 + (index & 1),
    organization_id,
    title: `Workflow ${id}`,
    workflow_definition: {},
  }))
  const run = (index: number, workflow: Row, created_at: string) => {
    // The first workflow fails for more reasons than a report lists.
    const status = index % 2 === 0 && index < 90 ? 'failed' : pick(...TASK_STATES)
    const started_at = pick(null, created_at, later(created_at))
    return {
      workflow_run_id: `wr_${index}`,
      workflow_id: workflow.workflow_id ?? null,
      organization_id: workflow.organization_id ?? null,
      status,
      failure_reason: status === 'failed' ? pick(...REASONS) : null,
      created_at,
      started_at,
      completed_at: started_at === null ? pick(null, instant()) : pick(null, started_at, later(started_at)),
    }
  }
  const runs = [
    ...workflows.slice(0, 5).flatMap((workflow, place) =>
      Array.from({ length: place === 0 ? 90 : 12 }, (_, index) => {
        const created_at = index < BOUNDS.length ? (BOUNDS[index] ?? '') : instant()
        return run(place * 100 + index, workflow, created_at)
      }),
    ),
    // All outside the window, one to either side of it.
    ...workflows
      .slice(5, 6)
      .flatMap((workflow) => [0, 4].map((bound, index) => run(900 + index, workflow, BOUNDS[bound] ?? ''))),
  ]
  const blocks = runs.flatMap(({ workflow_run_id, created_at }, place) =>
    // Gaps between the indexes, one index with two types, blocks that overlap, that wait, that never began.
    [0, 1, 2, 5, 6]
      .filter((index) => place % 9 !== index)
      .map((block_index) => {
        const started_at = pick(null, created_at, later(created_at), later(created_at))
        return {
          workflow_block_id: `wrb_${place}_${block_index}`,
          workflow_run_id,
          block_index,
          block_type: block_index === 1 ? pick('task', 'code') : `type_${block_index}`,
          status: pick(...BLOCK_STATES),
          started_at,
          completed_at: started_at === null ? null : pick(null, started_at, later(started_at)),
        }
      }),
  )
  // Three types of one total, declared in another order than that of their names.
  const weightless = ['browser_logs', 'har_file', 'recording'].map((artifact_type, index) => ({
    artifact_id: `a_idle_${index}`,
    task_id: null,
    organization_id: 'o_idle',
    artifact_type,
    uri: 'file:///a/idle',
    file_size_bytes: index === 0 ? '0' : null,
    created_at: PERIOD.since,
  }))
  const artifacts = Array.from({ length: 400 }, (_, index) => {
    const task = index % 5 === 0 ? undefined : pick(...tasks)
    return {
      artifact_id: `a_${index}`,
      task_id: task?.task_id ?? null,
      organization_id: task?.organization_id ?? pick('o_large', 'o_small'),
      artifact_type: pick(...ARTIFACT_TYPES),
      uri: `file:///a/${index}`,
      file_size_bytes: pick(...SIZES),
      created_at: index < BOUNDS.length ? (BOUNDS[index] ?? '') : instant(),
    }
  })
  return {
    organizations: ORGANIZATIONS.map((id) => ({ organization_id: id, organization_name: `The ${id.slice(2)} one` })),
    tasks,
    steps,
    actions,
    workflows,
    workflow_runs: runs,
    workflow_blocks: blocks,
    artifacts: [...artifacts, ...weightless],
  }
}

/** @param by microseconds, negative too */
function plus(iso: string, by: number): string {
  const at = BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 1000n + BigInt(iso.slice(20, 26)) + BigInt(by)
  return `${new Date(Number(at / 1_000_000n) * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000n).padStart(6, '0')}Z`
}

/** Draws that are the same in every run (mulberry32). */
function chance(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  function pick<T>(...values: readonly [T, ...T[]] | readonly T[]): T {
    const value = values[below(values.length)]
    if (value === undefined) throw new RangeError('nothing to pick from')
    return value
  }
  return { below, pick }
}
