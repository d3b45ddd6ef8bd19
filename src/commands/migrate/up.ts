/** `steward migrate up`. */
import type { View } from '../../output/view.ts'
import { defineCommand } from '../command.ts'
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
  flags: {
    system: systemFlag,
    ...limitFlags,
    dryRun: toggle('print the SQL and run nothing'),
    lock: lockFlag,
  },
  async run(context, { system, to, count, dryRun, lock }): Promise<View> {
    const [config, options] = await Promise.all([context.config(), runOptions(context, lock)])
    const scope = { systems: await migrationsOf(config, withOwn(system)), to, count }
    if (dryRun) {
      const { planMigrations } = await import('../../migrations/plan.ts')
      return planView(await planMigrations(options.db, { direction: 'up', ...scope }), (line) =>
        context.ui.note(line),
      )
    }
    const { applyPending, pendingSteps } = await import('../../migrations/apply.ts')
    const { osUser, host } = context.actor
    const work = () =>
      applyPending({ ...options, ...scope, environment: config.environment, markedBy: `${osUser}@${host}` })
    const pending = await pendingSteps(options.db, scope)
    const touchesJournal = pending.some((step) => step.system.system === OWN)
    const result = pending.length === 0 ? await work() : await journalled(context, options.db, touchesJournal, work)
    return outcomeView(result, 'Nothing pending.')
  },
  view: (view) => view,
})
