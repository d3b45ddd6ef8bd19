/** `steward migrate status`. */
import { ExitCode } from '../../errors.ts'
import type { MigrationStatus } from '../../migrations/status.ts'
import { defineCommand } from '../command.ts'
import { migrationsOf, systemFlag } from './scope.ts'

export const status = defineCommand({
  name: 'status',
  summary: 'Show which migrations are applied, pending or unknown',
  description:
    'Exits 0 when everything is applied and 10 when something is pending, out of order or recorded by a newer ' +
    'Steward. Only reads: a role that may SELECT is enough.',
  examples: [
    { command: 'migrate status', does: 'Every migration of every system' },
    { command: 'migrate status --system skyvern --json', does: 'Those of one system, for a script' },
  ],
  effect: 'read',
  flags: { system: systemFlag },
  async run(context, { system }) {
    const [config, db] = await Promise.all([context.config(), context.db()])
    const { migrationStatus } = await import('../../migrations/status.ts')
    const found = await migrationStatus(db, await migrationsOf(config, system === undefined ? undefined : [system]))
    const advice = adviceFor(found)
    if (advice !== undefined) context.ui.note(advice)
    return found
  },
  view: (found) => ({
    shape: 'table',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'name', label: 'migration', kind: 'text' },
      {
        key: 'condition',
        kind: 'text',
        tones: { applied: 'good', pending: 'active', 'out of order': 'bad', 'missing file': 'bad' },
      },
      { key: 'applied_at', kind: 'timestamp' },
      { key: 'schema', kind: 'text' },
      { key: 'transactional', kind: 'boolean', summary: 'false when it runs outside a transaction' },
    ],
    shown: ['system', 'name', 'condition', 'applied_at'],
    rows: found.map(({ appliedAt, ...row }) => ({ ...row, applied_at: appliedAt })),
    empty: 'There are no migrations.',
  }),
  exitCode: (found) => (found.every(({ condition }) => condition === 'applied') ? ExitCode.ok : ExitCode.trouble),
})

function adviceFor(found: readonly MigrationStatus[]): string | undefined {
  const count = (...conditions: readonly string[]) =>
    found.filter(({ condition }) => conditions.includes(condition)).length
  const missing = count('missing file')
  if (missing > 0) {
    return `${missing} recorded by a Steward that knows more than this one: use that version or a newer one`
  }
  const pending = count('pending', 'out of order')
  return pending === 0
    ? undefined
    : `${pending} pending: steward migrate plan shows the SQL, steward migrate up applies it`
}
