/** `steward migrate up`. */
import type { RunResult } from '../../migrations/outcomes.ts'
import type { View } from '../../output/view.ts'
import { type Context, defineCommand } from '../command.ts'
import { toggle } from '../flags.ts'
import { journalled } from './journalled.ts'
import { outcomeView } from './outcome-view.ts'
import { planView } from './plan.ts'
import { limitFlags, lockFlag, migrationsOf, OWN, runOptions, systemFlag, withOwn } from './scope.ts'

export const up = defineCommand({
  name: 'up',
  summary: 'Apply pending migrations',
  description:
    'Applies them in order and stops at the first that fails; those before it stay. A migration that cannot get its ' +
    'locks within a second gives way and is tried again.',
  examples: [
    { command: 'migrate up', does: 'Apply everything pending' },
    { command: 'migrate up --dry-run', does: 'Print the SQL instead' },
    { command: 'migrate up --system skyvern --count 1', does: 'The next migration of one system' },
  ],
  effect: 'write',
  bootstraps: true,
  flags: {
    system: systemFlag,
    ...limitFlags,
    dryRun: toggle('print the SQL and run nothing'),
    lock: lockFlag,
  },
  async run(context, input): Promise<View> {
    if (!input.dryRun) return outcomeView(await applyUp(context, input), 'Nothing pending.')
    const { planMigrations } = await import('../../migrations/plan.ts')
    const { db, scope } = await scopeOf(context, input)
    return planView(await planMigrations(db, { direction: 'up', ...scope }), (line) => context.ui.note(line))
  },
  view: (view) => view,
})

interface UpInput {
  readonly system?: string | undefined
  readonly to?: string | undefined
  readonly count?: number | undefined
  readonly lock?: 'wait' | 'fail' | undefined
}

/** Applies what is pending, as `migrate up` does; for commands that migrate along the way. */
export async function applyUp(context: Context, input: UpInput = {}): Promise<RunResult> {
  const { config, options, db, scope } = await scopeOf(context, input)
  const { applyPending, pendingSteps } = await import('../../migrations/apply.ts')
  const { osUser, host } = context.actor
  const work = () =>
    applyPending({ ...options, ...scope, environment: config.environment, markedBy: `${osUser}@${host}` })
  const pending = await pendingSteps(db, scope)
  const touchesJournal = pending.some((step) => step.system.system === OWN)
  return pending.length === 0 ? work() : journalled(context, db, touchesJournal, work)
}

async function scopeOf(context: Context, { system, to, count, lock }: UpInput) {
  const [config, options] = await Promise.all([context.config(), runOptions(context, lock)])
  return {
    config,
    options,
    db: options.db,
    scope: { systems: await migrationsOf(config, withOwn(system)), to, count },
  }
}
