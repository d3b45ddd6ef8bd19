/** Rows few enough to check the figures by hand: one organization in the first days of March 2026. */
import type { Database } from '../../src/db/database.ts'
import { insert } from './fixture.ts'

const FAILURE = 'Element not found: the button "Continue to payment" did not appear within 30 seconds'

/** Three tasks (90 s, 30 s, 120 s; the second failed in its third step), one workflow with two runs of two blocks. */
export async function insertByHand(db: Database): Promise<void> {
  const owned = { organization_id: 'o_1' }
  await insert(db, 'organizations', [{ ...owned, organization_name: 'Northwind' }])
  const task = { ...owned, url: 'https://example.com', navigation_goal: 'Look', failure_reason: null }
  await insert(db, 'tasks', [
    {
      ...{ ...task, task_id: 'tsk_1', status: 'completed' },
      ...{ created_at: '2026-03-01T10:00:00Z', completed_at: '2026-03-01T10:01:30Z' },
    },
    {
      ...{ ...task, task_id: 'tsk_2', status: 'failed', failure_reason: FAILURE },
      ...{ created_at: '2026-03-01T12:00:00Z', completed_at: '2026-03-01T12:00:30Z' },
    },
    {
      ...{ ...task, task_id: 'tsk_3', status: 'completed' },
      ...{ created_at: '2026-03-03T09:00:00Z', completed_at: '2026-03-03T09:02:00Z' },
    },
  ])
  const steps = [
    ['navigation', 'completed', '12:00:01', '12:00:04.5', 0, null],
    ['action', 'completed', '12:00:05', '12:00:06', 1, null],
    ['action', 'failed', '12:00:07', '12:00:30', 2, 'Gave up after two retries'],
  ] as const
  await insert(
    db,
    'steps',
    steps.map(([step_type, status, from, to, retry_index, failure_reason], index) => ({
      ...{ step_id: `stp_${index + 1}`, task_id: 'tsk_2', order: index + 1 },
      ...{ step_type, status, retry_index, failure_reason },
      ...{ created_at: march(1, from), started_at: march(1, from), completed_at: march(1, to) },
    })),
  )
  await insert(
    db,
    'actions',
    ['click', 'type'].map((action_type) => ({ action_id: `act_${action_type}`, step_id: 'stp_2', action_type })),
  )
  await insert(
    db,
    'artifacts',
    [1500, 2_500_000, 40_000_000, null].map((file_size_bytes, index) => ({
      ...{ artifact_id: `a_${index}`, task_id: 'tsk_2', uri: `file:///a/${index}`, ...owned },
      ...{ artifact_type: index < 2 ? 'screenshot_step' : 'recording', file_size_bytes },
      created_at: march(1, '12:00:10'),
    })),
  )
  await insert(db, 'workflows', [{ workflow_id: 'w_1', ...owned, title: 'Invoices', workflow_definition: {} }])
  const runs = [
    ['wr_1', 'completed', '00:00:00', '00:02:00'],
    ['wr_2', 'failed', '06:00:00', '06:01:00'],
  ] as const
  await insert(
    db,
    'workflow_runs',
    runs.map(([workflow_run_id, status, from, to]) => ({
      ...{ workflow_run_id, workflow_id: 'w_1', ...owned, status },
      ...{ created_at: march(2, from), started_at: march(2, from), completed_at: march(2, to) },
    })),
  )
  const blocks = [
    ['wr_1', 0, 'login', 'completed', '00:00:00', '00:00:10'],
    ['wr_1', 1, 'download', 'completed', '00:00:11', '00:01:59'],
    ['wr_2', 0, 'login', 'completed', '06:00:00', '06:00:20'],
    ['wr_2', 1, 'download', 'failed', '06:00:22', '06:01:00'],
  ] as const
  await insert(
    db,
    'workflow_blocks',
    blocks.map(([workflow_run_id, block_index, block_type, status, from, to]) => ({
      ...{ workflow_run_id, block_index, block_type, status },
      ...{ started_at: march(2, from), completed_at: march(2, to) },
    })),
  )
}

const march = (day: number, time: string): string => `2026-03-0${day}T${time}Z`
