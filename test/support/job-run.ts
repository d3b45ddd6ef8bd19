/** A run as the engines are given one: in the journal, under real leases, at full pace. */

import type { JobRun } from '../../src/db/job-run.ts'
import { journalRun } from '../../src/db/journal.ts'
import { withLease } from '../../src/db/lease.ts'
import { openPace } from '../../src/db/pace.ts'
import { ignoreProgress } from '../../src/progress.ts'
import type { TestDatabase } from './database.ts'

const HOLDER = { command: 'maintain run', osUser: 'tester', host: 'test-host' }

/** Runs `work` as a maintenance run of these schemas; the database needs Steward's own schema. */
export function asRun<T>(
  { db }: Pick<TestDatabase, 'db'>,
  schemas: readonly string[],
  work: (run: JobRun) => Promise<T>,
  changes: Partial<JobRun> & { readonly runTimeMs?: number } = {},
): Promise<T> {
  const { runTimeMs, ...given } = changes
  const signal = given.signal ?? new AbortController().signal
  return withLease(db, schemas, HOLDER, { leaseMs: 60_000, signal }, (lease, held) =>
    journalRun(db, { command: HOLDER.command, argv: [], actor: HOLDER }, async (runId) => {
      const pace = openPace({ signal: held, runTimeMs, reasons: [], say: () => {} })
      try {
        const run: JobRun = {
          runId,
          db,
          lease,
          pace,
          signal: held,
          batchMs: 1000,
          actor: { ...HOLDER, argv: [] },
          onProgress: ignoreProgress,
          say: () => {},
          ...given,
        }
        return { value: await work(run), counts: null }
      } finally {
        pace.close()
      }
    }),
  )
}
