/** `steward migrate plan`. */

import type { RecordedMigration } from '../../migrations/recorder.ts'
import type { View } from '../../output/view.ts'
import { defineCommand } from '../command.ts'
import { toggle } from '../flags.ts'
import { systemToRollBack } from './rollback-scope.ts'
import { limitFlags, migrationsOf, systemFlag, withOwn } from './scope.ts'

export const plan = defineCommand({
  name: 'plan',
  summary: 'Print the SQL that up or down would run, complete',
  description:
    "Prints what would be sent, with transactions and the records in Knex's tables, and runs none of it. Given to " +
    'psql it leaves the same schema and the same status.',
  examples: [
    { command: 'migrate plan', does: 'The SQL of everything pending' },
    { command: 'migrate plan --quiet | psql --set ON_ERROR_STOP=1', does: 'Let psql apply it' },
    { command: 'migrate plan --down --system skyvern', does: 'The SQL that takes the last migration back' },
  ],
  effect: 'read',
  flags: { down: toggle('the SQL of down instead of up'), system: systemFlag, ...limitFlags },
  async run(context, { down, system, ...limits }) {
    const [config, db] = await Promise.all([context.config(), context.db()])
    const { planMigrations } = await import('../../migrations/plan.ts')
    const systems = down ? [await systemToRollBack(db, config, system)] : await migrationsOf(config, withOwn(system))
    return planView(
      await planMigrations(db, { direction: down ? 'down' : 'up', systems, ...limits }),
      context.ui.note,
    )
  },
  view: (view) => view,
})

/** The plan as SQL; in JSON a list of migrations with their statements. */
export async function planView(recorded: readonly RecordedMigration[], note: (line: string) => void): Promise<View> {
  const { planSql } = await import('../../migrations/plan.ts')
  if (recorded.length === 0) note('Nothing to run.')
  return { shape: 'text', text: planSql(recorded), value: recorded }
}
