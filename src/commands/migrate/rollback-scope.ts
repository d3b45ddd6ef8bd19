/** Which system `down`, `redo` and `plan --down` are about, and how their plan is shown. */
import type { Config } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import { UsageError } from '../../errors.ts'
import type { Rehearsal } from '../../migrations/rollback.ts'
import type { SystemMigrations } from '../../migrations/source.ts'
import type { View } from '../../output/view.ts'
import { migrationsOf, OWN } from './scope.ts'

/**
 * The system that was named, or the only one that has something to take back. Steward's own is never meant unnamed.
 *
 * @throws UsageError when it could be several
 */
export async function systemToRollBack(
  db: Database,
  config: Config,
  name: string | undefined,
): Promise<SystemMigrations> {
  const { readState } = await import('../../migrations/state.ts')
  const all = await migrationsOf(config)
  const wanted = all.filter(({ system }) => (name === undefined ? system !== OWN : system === name))
  const applied = []
  for (const system of wanted) if ((await readState(db, system)).applied.length > 0) applied.push(system)
  const [only = wanted[0], another] = applied
  if (only !== undefined && another === undefined) return only
  throw new UsageError({
    code: 'system-needed',
    message: `Several systems have migrations to roll back: ${applied.map(({ system }) => system).join(', ')}`,
    hint: 'Name one of them with --system',
  })
}

/** What would be rolled back, and what that would lose. */
export function rehearsalView({ steps, losses, untried }: Rehearsal): View {
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'migrations',
        title: 'To be rolled back, in this order',
        columns: [
          { key: 'system', kind: 'text' },
          { key: 'name', label: 'migration', kind: 'text' },
          {
            key: 'tried',
            kind: 'boolean',
            summary: 'false when it runs outside a transaction and could not be tried',
          },
        ],
        shown: ['system', 'name', ...(untried.length === 0 ? [] : ['tried'])],
        rows: steps.map(({ system, migration }) => ({
          system: system.system,
          name: migration.name,
          tried: !untried.includes(migration.name),
        })),
      },
      {
        kind: 'table',
        key: 'losses',
        title: 'Lost with it',
        columns: [
          { key: 'schema', kind: 'text' },
          { key: 'table', kind: 'text' },
          { key: 'column', kind: 'text' },
          { key: 'rows', kind: 'bigint', unit: 'count' },
        ],
        rows: losses.map((loss) => ({ ...loss })),
        empty: 'No rows would be lost.',
      },
    ],
  }
}

/** `Roll back 2 migrations of skyvern (0003_c, 0002_b), losing 12 rows of skyvern.tasks`. */
export function rehearsalAction(verb: string, { steps, losses }: Rehearsal, described: string): string {
  const count = steps.length === 1 ? '1 migration' : `${steps.length} migrations`
  const names = steps.map(({ migration }) => migration.name).join(', ')
  const of = steps[0]?.system.system ?? ''
  return `${verb} ${count} of ${of} (${names})${losses.length === 0 ? '' : `, losing ${described}`}`
}
