/** `steward migrate down`. */
import { defineDestroyCommand } from '../command.ts'
import { integer, text, toggle } from '../flags.ts'
import { journalled } from './journalled.ts'
import { outcomeView } from './outcome-view.ts'
import { rehearsalAction, rehearsalView, systemToRollBack } from './rollback-scope.ts'
import { lockFlag, OWN, runOptions, systemFlag } from './scope.ts'

export const down = defineDestroyCommand({
  name: 'down',
  summary: 'Roll back applied migrations, last first',
  description:
    'Tries the rollback in a transaction first, to know what it would lose. One that would lose rows is refused unless ' +
    '--force is given.',
  examples: [
    { command: 'migrate down --dry-run', does: 'What the last migration would take along' },
    { command: 'migrate down --system skyvern --count 2', does: 'Take back the last two of one system' },
    { command: 'migrate down --to 0001_initial_schema', does: 'Take back everything after that one' },
  ],
  flags: {
    system: systemFlag,
    to: text('<name>', 'roll back what came after this migration'),
    count: integer('<n>', 'roll back so many (default 1)', { min: 1 }),
    force: toggle('lose rows rather than refuse'),
    lock: lockFlag,
    dryRun: toggle('show the plan and stop'),
  },
  async plan(context, { system: name, to, count, force, lock, dryRun }) {
    const options = await runOptions(context, lock)
    const system = await systemToRollBack(options.db, await context.config(), name)
    const [{ rehearseRollback, refuseLosses }, { describeLosses }] = await Promise.all([
      import('../../migrations/rollback.ts'),
      import('../../migrations/loss.ts'),
    ])
    const rehearsal = await rehearseRollback({ ...options, system, to, count })
    if (!force && !dryRun) refuseLosses(rehearsal.losses)
    return { system, rehearsal, described: describeLosses(rehearsal.losses) }
  },
  planView: ({ rehearsal }) => rehearsalView(rehearsal),
  nothing: ({ rehearsal }) => (rehearsal.steps.length === 0 ? 'Nothing to roll back.' : undefined),
  action: ({ rehearsal, described }) => rehearsalAction('Roll back', rehearsal, described),
  async apply(context, { to, count, force, lock }, { system, rehearsal }) {
    const options = await runOptions(context, lock)
    const { rollBack } = await import('../../migrations/rollback.ts')
    return journalled(context, options.db, system.system === OWN, () =>
      rollBack({ ...options, system, to, count, force, planned: rehearsal.steps }),
    )
  },
  view: (result) => outcomeView(result, 'Nothing was rolled back.'),
})
