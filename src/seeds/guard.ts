/** Keeps seed data out of production. */
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import { readEnvironment } from '../db/environment.ts'
import { UsageError } from '../errors.ts'

/**
 * Refuses where the profile or the database says production, and where the two disagree.
 *
 * @throws UsageError (exit 2)
 */
export async function refuseProduction(db: Database, config: Pick<Config, 'profile' | 'environment'>): Promise<void> {
  const claimed = config.environment
  if (claimed === 'production') {
    throw refusal('production', `The profile ${config.profile} is marked production, where seed data has no place`)
  }
  const marker = await readEnvironment(db)
  if (marker === 'production') {
    throw refusal('production', `The database ${db.database} is marked production, where seed data has no place`)
  }
  if (marker !== undefined && claimed !== undefined && marker !== claimed) {
    throw new UsageError({
      code: 'environment-mismatch',
      message: `The profile ${config.profile} says ${claimed}, the database ${db.database} says ${marker}`,
      hint: 'Check that this is the database you mean, then correct the environment in the profile',
    })
  }
}

function refusal(code: string, message: string): UsageError {
  return new UsageError({ code, message, hint: 'Choose a development database with --profile or --url' })
}
