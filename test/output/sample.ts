/** Rows with everything that breaks careless output, and what renders them. */
import type { Cells, Column } from '../../src/model/column.ts'
import { type RenderOptions, render } from '../../src/output/render.ts'
import type { TableView, View } from '../../src/output/view.ts'
import { pipe, type Recorded } from './fake-streams.ts'

export const columns: readonly Column[] = [
  { key: 'task_id', kind: 'text' },
  { key: 'status', kind: 'enumeration', tones: { completed: 'good', failed: 'bad' } },
  { key: 'goal', kind: 'text' },
  { key: 'size_bytes', label: 'size', kind: 'bigint', unit: 'bytes' },
  { key: 'credits', kind: 'numeric' },
  { key: 'sequence', kind: 'bigint' },
  { key: 'payload', kind: 'json' },
  { key: 'tags', kind: 'textArray' },
  { key: 'totp', kind: 'text', secret: true },
  { key: 'created_at', kind: 'timestamp' },
]

export const shown = ['task_id', 'status', 'goal', 'size_bytes', 'created_at']

/** 1e400 as PostgreSQL prints it. */
export const HUGE = `1${'0'.repeat(400)}`

export const rows: readonly Cells[] = [
  {
    task_id: 'tsk_1',
    status: 'failed',
    goal: '日本語 👩‍👩‍👧 "quoted", a|b <b>*bold*</b>',
    size_bytes: 1_500_000_000n,
    credits: '12.50',
    sequence: 9_007_199_254_740_993n,
    payload: { list: [1, { deep: '\x9b31m' }] },
    tags: ['a', 'b,c'],
    totp: 'JBSWY3DP',
    created_at: '2026-11-22T03:51:04.123456Z',
  },
  {
    task_id: 'tsk_2',
    status: 'completed',
    goal: 'line\nbreak\ttab \x1b[31mred\x1b[0m \u202eevil \\',
    size_bytes: 0n,
    credits: HUGE,
    sequence: -1n,
    payload: 'text',
    tags: [],
    totp: null,
    created_at: '2026-11-22T03:51:04Z',
  },
  {
    task_id: 'tsk_3',
    status: 'running',
    goal: '',
    size_bytes: null,
    credits: 'NaN',
    sequence: null,
    payload: null,
    tags: null,
    totp: null,
    created_at: null,
  },
]

export const list: TableView = { shape: 'table', columns, rows, shown }

export interface Shown {
  readonly out: string
  readonly err: string
}

export async function shownBy(
  view: View,
  options: Partial<RenderOptions> & { readonly stdout?: Recorded } = {},
): Promise<Shown> {
  const stdout = options.stdout ?? pipe()
  const stderr = pipe()
  await render(view, {
    format: 'table',
    reveal: [],
    now: new Date('2026-11-22T06:51:04Z'),
    ...options,
    stdout,
    stderr,
  })
  return { out: stdout.recorder.text, err: stderr.recorder.text }
}
