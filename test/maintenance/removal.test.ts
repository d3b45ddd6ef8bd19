import { describe, expect, test } from 'vitest'
import type { JobSummary } from '../../src/maintenance/job-record.ts'
import { removalOf } from '../../src/maintenance/removal.ts'
import type { Backlog } from '../../src/model/job.ts'

const DAY = 86_400

const backlog = (rows: bigint, arrivedInADay: bigint | null, atLeast = false): Backlog => ({
  rows,
  atLeast,
  oldest: rows === 0n ? null : new Date(0),
  bytes: null,
  arrivedInADay,
})

const summary = (since_success: number | null, removed_a_day: number | null): JobSummary => ({
  job: 'shop/orders',
  succeeded_at: null,
  succeeded_epoch: null,
  started_epoch: 0,
  outcome: 'unfinished',
  seconds: 1,
  rows: 0n,
  bytes: 0n,
  unreached: false,
  since_success,
  removed_a_day,
})

describe('removal', () => {
  test.each([
    ['has never run', backlog(5n, 5n), undefined, 'never run', true],
    ['has never run, and nothing waits', backlog(0n, 0n), undefined, 'never run', false],
    ['left nothing yesterday: what stays was kept back', backlog(50n, 1n), summary(DAY, 0), 'keeps up', false],
    ['has only what became due today', backlog(50n, 50n), summary(3 * DAY, 0), 'keeps up', false],
    ['failed, and has only that', backlog(50n, 50n), { ...summary(null, 0), outcome: 'failed' }, 'fails', true],
    [
      'gets to less than arrives',
      backlog(9000n, 1500n),
      summary(9 * DAY, 300),
      'falls behind by 1,200 rows a day',
      true,
    ],
    ['gets to more than arrives', backlog(9000n, 1500n), summary(null, 1501), 'catches up by 1 row a day', false],
    ['gets to about as much', backlog(9000n, 1500n), summary(null, 1400), 'keeps up', false],
    [
      'has no success and removes nothing',
      backlog(9000n, 10n),
      summary(null, null),
      'falls behind by 10 rows a day',
      true,
    ],
    [
      'has at least what arrived',
      backlog(1000n, 1000n, true),
      summary(null, 0),
      'falls behind by 1,000 rows a day',
      true,
    ],
    ['cannot be told without arrivals', backlog(9n, null), summary(null, 1), null, true],
    ['cannot be told without records', backlog(9n, 9n), null, null, false],
  ])('%s', (_case, waits, known, words, overdue) => {
    expect(removalOf(waits, known)).toMatchObject({ words, overdue })
  })
})
