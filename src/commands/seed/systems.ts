/** The systems that have seed data, and one of them with everything a seed command needs to know about it. */
import { schemaOf } from '../../config/config.ts'
import type { SeedDefinition } from '../../seeds/definition.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'

export const SYSTEMS = systems.map(({ name }) => name)

/** Loads the seed definition of a system. @throws NotFoundError for a system without one */
export async function definitionOf(system: string): Promise<SeedDefinition> {
  const { seeds } = await import('../../../seeds/registry.ts')
  const load = seeds[system]
  if (load !== undefined) return load()
  const { NotFoundError } = await import('../../errors.ts')
  throw new NotFoundError({
    code: 'no-seed-data',
    message: `There is no seed data for ${system}`,
    hint: 'steward seed list shows the systems that have some',
  })
}

/** The database and the schema of the system in it, once it is certain that they are not production. */
export async function seedTarget(context: Context, system: string) {
  const [config, db] = await Promise.all([context.config(), context.db()])
  const { refuseProduction } = await import('../../seeds/guard.ts')
  await refuseProduction(db, config)
  return { config, db, schema: schemaOf(config, system) }
}
