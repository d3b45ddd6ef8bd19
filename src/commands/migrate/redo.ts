/** `steward migrate redo`. */
import { defineDestroyCommand } from '../command.ts'
import { toggle } from '../flags.ts'
import { journalled } from './journalled.ts'
import { outcomeView } from './outcome-view.ts'
import { rehearsalAction, rehearsalView, systemToRollBack } from './rollback-scope.ts'
import { lockFlag, OWN, runOptions, systemFlag } from './scope.ts'

export const redo = defineDestroyCommand({
  name: 'redo',
  summary: 'Roll the last migration back and apply it again',
  description:
    'In one transaction where the migration has one, so that a failure changes nothing. Refused when rows would be ' +
    'lost, unless --force is given.',
  examples: [
    { command: 'migrate redo --dry-run', does: 'What going back would take along' },
    { command: 'migrate redo --system skyvern', does: 'Try the last migration of one system again' },
  ],
  flags: {
    system: systemFlag,
    force: toggle('lose rows rather than refuse'),
    lock: lockFlag,
    dryRun: toggle('show the plan and stop'),
  },
  async plan(context, { system: name, force, lock, dryRun }) {
    const options = await runOptions(context, lock)
    const system = await systemToRollBack(options.db, await context.config(), name)
    const [{ rehearseRollback, refuseLosses }, { describeLosses }] = await Promise.all([
      import('../../migrations/rollback.ts'),
      import('../../migrations/loss.ts'),
    ])
    const rehearsal = await rehearseRollback({ ...options, system, count: 1 })
    if (!force && !dryRun) refuseLosses(rehearsal.losses)
    return { system, rehearsal, described: describeLosses(rehearsal.losses) }
  },
  planView: ({ rehearsal }) => rehearsalView(rehearsal),
  nothing: ({ rehearsal }) => (rehearsal.steps.length === 0 ? 'No migration is applied.' : undefined),
  action: ({ rehearsal, described }) => rehearsalAction('Redo', rehearsal, described),
  async apply(context, { force, lock }, { system, rehearsal }) {
    const options = await runOptions(context, lock)
    const { redoLast } = await import('../../migrations/rollback.ts')
    return journalled(context, options.db, system.system === OWN, () =>
      redoLast({ ...options, system, force, planned: rehearsal.steps }),
    )
  },
  view: (result) => outcomeView(result, 'Nothing was redone.'),
})
