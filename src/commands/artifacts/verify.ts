/** `steward artifacts verify`. */
import { resolve } from 'node:path'
import type { PlanState } from '../../artifacts/plan-file.ts'
import type { Header } from '../../artifacts/plan-lines.ts'
import type { Moves } from '../../artifacts/quarantine.ts'
import type { RemovalPlan } from '../../artifacts/remove-orphans.ts'
import type { Verified } from '../../artifacts/verify.ts'
import { ExitCode, InvalidValue, RefusedError, UsageError } from '../../errors.ts'
import { systems as registry } from '../../systems/registry.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { duration, type Flag, list, text, toggle } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { filedSchemas, placedSystems, storesNamed } from './placed.ts'
import { movedSections, removalSections, verifiedSections } from './verify-view.ts'

const DAY = 86_400_000

/** Percent of a store's bytes that orphans may be, unless `--max-share` says more. */
const MAX_SHARE = 5

const share: Flag<number | undefined> = {
  metavar: '<percent>',
  summary: `with --remove: most of a store's bytes that may go, in percent (default ${MAX_SHARE})`,
  fallback: undefined,
  parse(raw) {
    const value = /^\d+(\.\d+)?%?$/.test(raw.trim()) ? Number.parseFloat(raw) : Number.NaN
    if (!(value > 0 && value <= 100)) throw new InvalidValue('must be a share in percent, from 0 to 100')
    return value
  },
}

interface Input {
  readonly system: readonly string[]
  readonly store: readonly string[]
  readonly minAge: number | undefined
  readonly plan: string | undefined
  readonly resume: boolean
  readonly remove: string | undefined
  readonly maxShare: number | undefined
}

type Plan =
  | { readonly kind: 'verified'; readonly verified: Verified; readonly file: string | undefined }
  | { readonly kind: 'removal'; readonly removal: RemovalPlan }

type Done =
  | Extract<Plan, { kind: 'verified' }>
  | { readonly kind: 'moved'; readonly run: string; readonly moves: Moves; readonly exitCode: ExitCode }

export const verify = defineDestroyCommand({
  name: 'verify',
  summary: 'Compare the stores with the database: files without rows, rows without files',
  description:
    "Lists the stores and asks for each file whether a row, an archived row or a mark stands for it, and looks for the file of each row. Exit code 10 when anything is missing or left over. What is younger than --min-age is left alone. --plan writes everything to a file; with it --remove moves the files without rows to the store's quarantine, from where steward artifacts undo brings them back.",
  examples: [
    { command: 'artifacts verify', does: 'What is missing and what is left over' },
    {
      command: 'artifacts verify --store artifacts --min-age 7d --plan orphans.ndjson',
      does: 'All of it in a file; --resume goes on where a listing was cut off',
    },
    { command: 'artifacts verify --remove orphans.ndjson --dry-run', does: 'What would go to the quarantine' },
  ],
  flags: {
    system: list('<names>', 'only rows of these systems are asked for their files (default: all)', {
      choices: registry.map(({ name }) => name),
    }),
    store: list('<names>', 'only these stores (default: all of the profile)'),
    minAge: duration('<duration>', 'files and rows younger than this are left alone (default 1d)'),
    plan: text('<file>', 'write what is found to this file, as JSON lines'),
    resume: toggle('with --plan: go on where the file was cut off'),
    remove: text('<file>', 'move the files that this plan says nobody stands for to the quarantine'),
    maxShare: share,
  },
  asks: ({ remove }) => remove !== undefined,
  async plan(context, input): Promise<Plan> {
    refuseContradictions(input)
    if (input.remove === undefined) return verifyStores(context, input)
    const [config, db, { openStores }, { checkRemoval }] = await Promise.all([
      context.config(),
      context.db(),
      import('../../storage/open.ts'),
      import('../../artifacts/remove-orphans.ts'),
    ])
    const stores = openStores(config.stores, { signal: context.signal })
    try {
      const options = { maxShare: input.maxShare ?? MAX_SHARE, now: context.now() }
      const removal = await checkRemoval(db, stores.all, resolve(context.cwd, input.remove), options)
      return { kind: 'removal', removal }
    } finally {
      await stores.close()
    }
  },
  planView: (plan) => ({
    shape: 'sections',
    sections: plan.kind === 'removal' ? removalSections(plan.removal) : verifiedSections(plan.verified, plan.file),
  }),
  nothing: (plan) =>
    plan.kind === 'removal' && plan.removal.files === 0
      ? 'The plan has no file that nobody stands for; nothing to do.'
      : undefined,
  planCode: (plan) => (plan.kind === 'verified' ? troubleIn(plan.verified) : ExitCode.ok),
  action: (plan) =>
    plan.kind === 'removal'
      ? `Move ${plan.removal.files.toLocaleString('en')} ${plan.removal.files === 1 ? 'file' : 'files'} to the quarantine`
      : 'Compare',
  async apply(context, _input, plan): Promise<Done> {
    return plan.kind === 'verified' ? plan : remove(context, plan.removal)
  },
  view: (done) => ({
    shape: 'sections',
    sections: done.kind === 'moved' ? movedSections(done) : verifiedSections(done.verified, done.file),
  }),
  exitCode: (done) => (done.kind === 'moved' ? done.exitCode : troubleIn(done.verified)),
})

function troubleIn({ stores, tables }: Verified): ExitCode {
  const found = stores.some(({ orphans }) => orphans > 0) || tables.some(({ missing }) => missing > 0)
  return found ? ExitCode.trouble : ExitCode.ok
}

async function verifyStores(context: Context, input: Input): Promise<Plan> {
  const [config, db, systems, { openStores }, { verify: run }, planFile] = await Promise.all([
    context.config(),
    context.db(),
    placedSystems(context),
    import('../../storage/open.ts'),
    import('../../artifacts/verify.ts'),
    import('../../artifacts/plan-file.ts'),
  ])
  const stores = openStores(config.stores, { signal: context.signal })
  const path = input.plan === undefined ? undefined : resolve(context.cwd, input.plan)
  try {
    const listed = storesNamed(stores.all, input.store)
    const about = systems.filter(({ system }) => input.system.length === 0 || input.system.includes(system.name))
    const now = context.now()
    const header: Header = {
      kind: 'header',
      version: 1,
      database: await planFile.identityOf(db),
      stores: planFile.storesOf(listed),
      systems: about.map(({ system }) => system.name),
      minAgeMs: input.minAge ?? DAY,
      started: now.toISOString(),
    }
    const resumed = path !== undefined && input.resume ? await planFile.readPlan(path) : undefined
    if (resumed !== undefined) refuseOther(resumed, header, planFile.sameDatabase)
    const writer =
      path === undefined
        ? undefined
        : resumed === undefined
          ? await planFile.PlanWriter.create(path, header)
          : await planFile.PlanWriter.resume(path, resumed.end)
    try {
      const verified = await run({
        db,
        stores,
        listed,
        systems,
        about,
        minAgeMs: resumed?.header.minAgeMs ?? header.minAgeMs,
        now: resumed === undefined ? now : new Date(resumed.header.started),
        signal: context.signal,
        onProgress: context.ui.progress,
        writer,
        resumed,
      })
      return { kind: 'verified', verified, file: input.plan }
    } catch (error) {
      if (path !== undefined) context.ui.note('What was found so far is in the plan; --resume goes on from there.')
      throw error
    } finally {
      await writer?.close()
    }
  } finally {
    await stores.close()
  }
}

async function remove(context: Context, plan: RemovalPlan): Promise<Done> {
  const [config, systems, { openStores }, { removeOrphans }, { quarantineRun }] = await Promise.all([
    context.config(),
    placedSystems(context),
    import('../../storage/open.ts'),
    import('../../artifacts/remove-orphans.ts'),
    import('../../artifacts/quarantine.ts'),
  ])
  const options = {
    schemas: filedSchemas(systems),
    plan: { files: plan.files, bytes: plan.bytes, started: plan.started },
  }
  return governed(context, options, async (run) => {
    const stores = openStores(config.stores)
    try {
      const name = quarantineRun(context.now(), run.runId)
      const moves = await removeOrphans(run, stores.all, systems, plan, name)
      const exitCode = exitCodeOfJobs([moves], context.signal)
      return {
        value: { kind: 'moved', run: name, moves, exitCode },
        counts: {
          quarantine: name,
          files: moves.files,
          bytes: moves.bytes,
          passed: moves.passed,
          failed: moves.failed,
        },
        exitCode,
        reason: moves.why,
      }
    } finally {
      await stores.close()
    }
  })
}

function refuseContradictions({ plan, resume, remove: file, maxShare, store, system, minAge }: Input): void {
  const wrong =
    file !== undefined &&
    (plan !== undefined || resume || store.length > 0 || system.length > 0 || minAge !== undefined)
      ? '--remove works from a plan alone, which says what it is about'
      : file === undefined && maxShare !== undefined
        ? '--max-share says how much --remove may move'
        : resume && plan === undefined
          ? '--resume goes on with a plan, and none is named'
          : undefined
  if (wrong === undefined) return
  throw new UsageError({
    code: 'invalid-input',
    message: wrong,
    hint: 'steward artifacts verify --help shows what goes together',
  })
}

function refuseOther(
  { header, complete }: PlanState,
  now: Header,
  same: (one: Header['database'], other: Header['database']) => boolean,
): void {
  const lines = (of: Header) => JSON.stringify([of.stores, of.systems])
  const why = complete
    ? 'it is whole already'
    : !same(header.database, now.database)
      ? 'it is of another database'
      : lines(header) !== lines(now)
        ? 'it is about other stores or systems'
        : undefined
  if (why === undefined) return
  throw new RefusedError({
    code: 'plan-refused',
    message: `The plan cannot be gone on with: ${why}`,
    hint: 'Give --plan a new name, or the same flags as before',
  })
}
