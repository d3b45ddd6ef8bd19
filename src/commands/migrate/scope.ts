/** Which systems a migrate command is about, and what its runs share. */
import { type Config, STEWARD_SCHEMA, schemaOf } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import type { RunOptions } from '../../migrations/run.ts'
import type { SystemMigrations } from '../../migrations/source.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { choice, integer, text } from '../flags.ts'

/** Steward's own schema is migrated like a system, before any of them. */
export const OWN = 'steward'

const names: readonly string[] = [OWN, ...systems.map(({ name }) => name)]

export const systemFlag = choice(names, `only this system: ${names.join(', ')}`, { metavar: '<name>' })
export const lockFlag = choice(
  ['wait', 'fail'],
  'when another run is migrating: wait up to 30 s for it (default), or fail at once',
)
export const limitFlags = {
  to: text('<name>', 'stop after this migration'),
  count: integer('<n>', "at most so many migrations, Steward's own not counted", { min: 1 }),
}

/** The compiled-in migrations of these systems in the schemas of the profile, Steward's own first. */
export async function migrationsOf(
  config: Pick<Config, 'schemas'>,
  wanted: readonly string[] = names,
): Promise<SystemMigrations[]> {
  const { migrations } = await import('../../../migrations/registry.ts')
  const loaded = names
    .filter((name) => wanted.includes(name))
    .map(async (system): Promise<SystemMigrations | undefined> => {
      const load = migrations[system]
      const schema = system === OWN ? STEWARD_SCHEMA : schemaOf(config, system)
      return load && { system, schema, migrations: await load() }
    })
  return (await Promise.all(loaded)).filter((system) => system !== undefined)
}

/** The systems of a run that applies: records of runs go to Steward's own schema, so that comes with any other. */
export function withOwn(system: string | undefined): readonly string[] {
  return system === undefined ? names : [OWN, system]
}

/** What every run that migrates takes from the context. */
export async function runOptions(
  context: Context,
  lock: 'wait' | 'fail' | undefined,
): Promise<RunOptions & { readonly db: Database }> {
  const config = await context.config()
  return {
    db: await context.db(),
    lockTimeoutMs: config.lockTimeoutMs,
    statementTimeoutMs: isConfigured(config, 'statementTimeout') ? config.statementTimeoutMs : 0,
    ...(lock === 'fail' ? { lockWaitMs: 0 } : {}),
    signal: context.signal,
    onProgress: context.ui.progress,
    onNotice: (notice) => context.ui.note(notice),
  }
}

/** True when somebody chose the value; the default is for queries, and an index build takes as long as it takes. */
function isConfigured({ origins }: Config, path: string): boolean {
  const origin = origins.get(path)
  return origin !== undefined && origin !== 'default'
}
