/** Archiving a graph as `archive run` does, without the command line: journal, lease, pace and engine. */
import process from 'node:process'
import type { Selection } from '../../../src/archive/selection.ts'
import type { Endpoint } from '../../../src/config/config.ts'
import { connect } from '../../../src/db/connect.ts'
import type { Database } from '../../../src/db/database.ts'
import type { JobRun } from '../../../src/db/job-run.ts'
import { journalRun } from '../../../src/db/journal.ts'
import { leaseName, withLease } from '../../../src/db/lease.ts'
import { openPace } from '../../../src/db/pace.ts'
import type { JobResult } from '../../../src/model/job.ts'
import { allOf, identifier, sql } from '../../../src/model/sql.ts'
import { ignoreProgress } from '../../../src/progress.ts'
import type { Graph } from '../../support/graph-schema.ts'
import { tableNamed } from '../../support/graph-schema.ts'

/** The rule of a graph, as the engine wants it. */
export function selectionOf(graph: Graph): Selection {
  const { schema, name } = tableNamed(graph, graph.root)
  const age = (alias: string) =>
    graph.secondAge
      ? sql`COALESCE(${identifier(alias, 'age')}, ${identifier(alias, 'age2')})`
      : identifier(alias, 'age')
  return {
    schema,
    table: name,
    rule: 'proof',
    due: (alias) =>
      allOf([
        sql`${age(alias)} < now() - '90 days'::interval`,
        ...(graph.onlyDone ? [sql`${identifier(alias, 'state')} = ANY (${['done']}::text[])`] : []),
      ]),
    age,
    ageColumns: graph.secondAge ? ['age', 'age2'] : ['age'],
    follow: graph.follow,
    detaches: graph.detached.map((index) => {
      const key = graph.keys[index]
      if (!key) throw new RangeError(`no key ${index}`)
      const child = tableNamed(graph, key.child)
      return { schema: child.schema, table: child.name, columns: key.columns }
    }),
    keeps: 'archive',
    settings: {},
    files: [],
  }
}

export interface Running {
  /** Milliseconds that a batch should take: few of them make many batches. */
  readonly batchMs?: number
  /** Rows of a batch at most: few of them make many batches as well. */
  readonly mostRows?: number
  readonly leaseMs?: number
  readonly applicationName?: string
  readonly signal?: AbortSignal
  readonly statementTimeoutMs?: number
  readonly lockTimeoutMs?: number
}

/** Runs work under a record in the journal and the lease of a schema, through connections of its own. */
export async function underLease<T>(
  endpoint: Endpoint,
  schema: string,
  work: (db: Database, run: JobRun) => Promise<T>,
  running: Running = {},
): Promise<T> {
  const { batchMs = 20, leaseMs = 30_000, signal = new AbortController().signal } = running
  const db = await connect(endpoint, {
    applicationName: running.applicationName ?? 'steward:proof',
    statementTimeoutMs: running.statementTimeoutMs ?? 60_000,
    lockTimeoutMs: running.lockTimeoutMs ?? 1000,
    poolSize: 4,
  })
  const holder = { command: 'archive run', osUser: 'prover', host: 'proof' }
  const actor = { ...holder, argv: ['archive', 'run'] }
  try {
    return await withLease(db, [leaseName(schema)], holder, { leaseMs, signal }, (lease, held) =>
      journalRun(db, { command: holder.command, argv: actor.argv, actor: holder }, async (runId) => {
        const pace = openPace({ signal: held, reasons: [], say: () => {} })
        try {
          const run: JobRun = {
            runId,
            db,
            lease,
            pace,
            signal: held,
            batchMs,
            actor,
            onProgress: ignoreProgress,
            say: () => {},
          }
          return { value: await work(db, run), counts: {} }
        } finally {
          pace.close()
        }
      }),
    )
  } finally {
    await db.close()
  }
}

/** Archives what is due of a graph. */
export async function archiveGraph(endpoint: Endpoint, graph: Graph, running: Running = {}): Promise<JobResult> {
  const { runArchive } = await import('../../../src/archive/run.ts')
  const { mostRows } = running
  const selection = selectionOf(graph)
  return underLease(endpoint, graph.schema, (db, run) => runArchive(db, selection, run, { mostRows }), running)
}

/** Says on stderr what a proof met, where PROOFS_VERBOSE is set. */
export function note(line: string): void {
  if (process.env.PROOFS_VERBOSE) process.stderr.write(`${line}\n`)
}
