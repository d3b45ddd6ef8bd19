/** A job that had several turns in a run: what it did in all of them. */
import type { JobResult, Kept } from '../model/job.ts'

/** What a job did in all its turns; the last says why it ended. */
export function added(before: JobResult | undefined, now: JobResult): JobResult {
  if (before === undefined) return now
  const failures = [...before.failures, ...now.failures]
  const did = before.rows > 0n || now.outcome !== 'nothing'
  const ended =
    failures.length > 0 && now.outcome === 'done'
      ? 'partial'
      : did && now.outcome === 'nothing'
        ? 'done'
        : now.outcome
  return {
    ...now,
    outcome: ended,
    rows: before.rows + now.rows,
    bytes: before.bytes + now.bytes,
    batches: before.batches + now.batches,
    kept: keptTogether([...before.kept, ...now.kept]),
    failures,
    ...(before.freedBytes === undefined && now.freedBytes === undefined
      ? {}
      : { freedBytes: (before.freedBytes ?? 0n) + (now.freedBytes ?? 0n) }),
    ...(before.returnedBytes === undefined && now.returnedBytes === undefined
      ? {}
      : { returnedBytes: (before.returnedBytes ?? 0n) + (now.returnedBytes ?? 0n) }),
  }
}

function keptTogether(kept: readonly Kept[]): Kept[] {
  const byReason = new Map<string, bigint>()
  for (const { reason, rows } of kept) byReason.set(reason, (byReason.get(reason) ?? 0n) + rows)
  return [...byReason].map(([reason, rows]) => ({ reason, rows }))
}
