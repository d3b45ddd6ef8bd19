/** `steward archive restore`. */
import type { RefusedBatch, Restored } from '../../archive/restore.ts'
import type { RestorePlan } from '../../archive/restore-plan.ts'
import type { AskedRows, RestoreRequest } from '../../archive/restore-request.ts'
import { ExitCode, type Json, NotFoundError, type StewardError } from '../../errors.ts'
import { type Context, defineCommand } from '../command.ts'
import { governed } from '../governed.ts'
import { type RestoreInput, requestsOf, restoreArguments, restoreFlags } from './restore-input.ts'
import { restoredView, restorePlanView } from './restore-view.ts'

interface Planned {
  readonly request: RestoreRequest
  /** Absent where batches are restored: each of them is looked at when its turn comes. */
  readonly plan?: RestorePlan
}

export interface RestoreOutcome {
  readonly plans: readonly RestorePlan[]
  /** Absent after a dry run, and when there was nothing to do. */
  readonly results?: readonly Restored[]
  readonly dryRun: boolean
  readonly exitCode: ExitCode
}

export const restore = defineCommand({
  name: 'restore',
  summary: 'Bring archived aggregates back: by id, by batch, or of a window of time',
  description:
    'Puts archived rows back as they were, with all rows below them, and takes them out of the archive; cold batches are loaded from their files first. What comes back is compared with what was archived before the transaction ends, and nothing is changed where it differs. A row that refers to one that is not there waits in the archive and is named; a row that is there already is no error, another row of the same key is. Of several batches, one that is refused is named and keeps no other back (exit code 7). A run that is stopped or killed leaves every row in one place, and the next one goes on. Restored rows are as old as before: for 30 days, or as --hold says, retention rules leave them alone.',
  examples: [
    { command: 'archive restore skyvern/task tsk_712953182740054018', does: 'One task with all that belongs to it' },
    { command: 'archive restore --batch 12,13 --dry-run', does: 'What two batches would bring back, and what waits' },
    {
      command: 'archive restore --rule skyvern/finished-tasks --since 2d',
      does: 'All that a rule archived in the last two days',
    },
    {
      command: 'archive restore --table public.orders --key id=5 --with-children',
      does: 'A row of a table of yours',
    },
  ],
  effect: 'write',
  args: restoreArguments,
  flags: restoreFlags,
  run: restoreAll,
  view: (outcome) => (outcome.results === undefined ? restorePlanView(outcome) : restoredView(outcome.results)),
  exitCode: ({ exitCode }) => exitCode,
})

async function restoreAll(
  context: Context,
  input: RestoreInput & { readonly dryRun: boolean; readonly runTime: number | undefined },
): Promise<RestoreOutcome> {
  const requests = await requestsOf(context, input)
  const planned: Planned[] = []
  for (const request of requests) {
    const isPlanned = input.dryRun || request.what.kind === 'rows'
    planned.push(isPlanned ? await plannedWithFiles(context, request) : { request })
  }
  const plans = planned.flatMap(({ plan }) => plan ?? [])
  if (input.dryRun) {
    const isInTheWay = plans.some(({ problems }) => problems.length > 0)
    return { plans, dryRun: true, exitCode: isInTheWay ? ExitCode.trouble : ExitCode.ok }
  }
  const { refuse } = await import('../../archive/restore-tally.ts')
  refuse(
    plans.flatMap(({ problems }) => problems),
    'What was asked for',
  )
  if (planned.every(isDone)) {
    const waits = plans.some(({ askedWaiting }) => askedWaiting > 0n)
    return { plans, dryRun: false, exitCode: waits ? ExitCode.partial : ExitCode.ok }
  }
  return apply(context, planned, input.runTime)
}

/** Nothing to put back, nothing to take out of the archive, nothing to load. */
function isDone({ request: { what }, plan }: Planned): boolean {
  if (plan === undefined) return what.kind === 'batches' && what.batches.every(({ rows }) => rows === 0n)
  return plan.cold.length === 0 && plan.tables.every(({ rows, there }) => rows === 0n && there === 0n)
}

async function apply(
  context: Context,
  planned: readonly Planned[],
  runTime: number | undefined,
): Promise<RestoreOutcome> {
  const [config, { runRestore }, { openStores }] = await Promise.all([
    context.config(),
    import('../../archive/restore.ts'),
    import('../../storage/open.ts'),
  ])
  const options = {
    schemas: planned.map(({ request }) => request.schema),
    runTimeMs: runTime,
    plan: Object.fromEntries(planned.map((one) => [one.request.schema, planRecord(one)])),
  }
  return governed(context, options, async (run) => {
    const stores = openStores(config.stores, { signal: run.signal })
    const thaw = async (batch: bigint) => {
      const cold = await import('../../archive/cold/thaw.ts')
      await cold.thaw(run.db, batch, stores, run)
    }
    const results: Restored[] = []
    try {
      for (const { request } of planned) {
        const result = await runRestore(run.db, request, run, { thaw })
        results.push(result)
        if (result.stopped) break
      }
    } finally {
      await stores.close()
    }
    const stopped = results.find((result) => result.stopped)?.stopped
    const refused = results.flatMap((result) => result.refused)
    const [first] = refused
    // Where nothing was restored at all, it is an error like any other.
    if (first !== undefined && stopped === undefined && results.every(({ transactions }) => transactions === 0)) {
      throw refused.length === 1 ? first.error : await allRefused(refused)
    }
    const isPart = refused.length > 0 || results.some(({ askedWaiting }) => askedWaiting > 0n)
    const exitCode = stopped?.error.exitCode ?? (isPart ? ExitCode.partial : ExitCode.ok)
    const reason = stopped?.why ?? (first && `refused: ${refused.map(({ batch }) => `batch ${batch}`).join(', ')}`)
    return {
      value: { plans: [], results, dryRun: false, exitCode },
      counts: Object.fromEntries(results.map((result) => [result.schema, countsOf(result)])),
      exitCode,
      ...(reason === undefined ? {} : { reason }),
    }
  })
}

/** The plan; rows that are nowhere else are looked for in cold files. */
async function plannedWithFiles(context: Context, request: RestoreRequest): Promise<Planned> {
  const [db, { planRestore }] = await Promise.all([context.db(), import('../../archive/restore-plan.ts')])
  try {
    return { request, plan: await planRestore(db, request) }
  } catch (error) {
    const { what } = request
    const isNowhere = error instanceof NotFoundError && error.code === 'not-archived'
    if (!isNowhere || what.kind !== 'rows' || what.batches !== undefined) throw error
    const found = await inColdFiles(context, request, what, error)
    return { request: found, plan: await planRestore(db, found) }
  }
}

/** @throws the error when some of the rows are in no file either */
async function inColdFiles(
  context: Context,
  request: RestoreRequest,
  what: AskedRows,
  error: NotFoundError,
): Promise<RestoreRequest> {
  const missing: Json = error.details.missing ?? []
  const names = Array.isArray(missing) ? missing : []
  const [config, db, { findInColdFiles }, { openStores }] = await Promise.all([
    context.config(),
    context.db(),
    import('../../archive/restore-cold.ts'),
    import('../../storage/open.ts'),
  ])
  const stores = openStores(config.stores, { signal: context.signal })
  try {
    const roots = what.roots.filter(({ name }) => names.includes(name))
    const search = { schema: request.schema, table: what.table, roots }
    const found = await findInColdFiles(db, search, stores, {
      signal: context.signal,
      onProgress: context.ui.progress,
    })
    for (const { batch, reason } of found.unread) {
      context.ui.note(`The files of batch ${batch} could not be looked into: ${reason}`)
    }
    if (found.missing.length > 0) throw error
    return { ...request, what: { ...what, cold: found.batches } }
  } finally {
    await stores.close()
  }
}

/** Every batch was refused. */
async function allRefused(refused: readonly RefusedBatch[]): Promise<StewardError> {
  const { OperationError, RefusedError } = await import('../../errors.ts')
  const Kind = refused.every(({ error }) => error instanceof RefusedError) ? RefusedError : OperationError
  return new Kind({
    code: 'restore-refused',
    message: `None of ${refused.length} batches could be restored`,
    hint: refused[0]?.error.hint ?? 'steward archive verify says more',
    problems: refused.map(({ batch, error }) => ({ where: `batch ${batch}`, reason: error.message })),
  })
}

function planRecord({ request: { what }, plan }: Planned): Json {
  if (plan === undefined)
    return { batches: what.kind === 'rows' ? [] : what.batches.map(({ batch }) => String(batch)) }
  const { tables, batches, cold } = plan
  return {
    rows: Object.fromEntries(tables.map(({ table, rows }) => [table, String(rows)])),
    batches: batches.map(String),
    cold: cold.map(String),
  }
}

function countsOf({ tables, waiting, references, emptied, damaged, held, refused }: Restored): Json {
  return {
    rows: Object.fromEntries(tables.map(({ table, rows }) => [table, String(rows)])),
    there: Object.fromEntries(
      tables.filter(({ there }) => there > 0n).map(({ table, there }) => [table, String(there)]),
    ),
    waiting: Object.fromEntries(waiting.map(({ table, reason, rows }) => [`${table}: ${reason}`, String(rows)])),
    references: references.put,
    emptied: emptied.map(String),
    ...(damaged.length === 0 ? {} : { damaged: damaged.map(String) }),
    held: { ...held },
    refused: Object.fromEntries(refused.map(({ batch, error }) => [String(batch), error.message])),
  }
}
