/** The systems and stores that the artifact commands work on. */
import type { PlacedSystem } from '../../artifacts/holders.ts'
import { UsageError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import { systems as registry } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { placedIn } from '../maintain/rules.ts'

/** Every system whose tables are in the database. */
export async function placedSystems(context: Context): Promise<readonly PlacedSystem[]> {
  return placedIn(context, await Promise.all(registry.map(({ load }) => load())))
}

/** Schemas that files belong to: whoever moves files of any of them holds the leases of all. */
export function filedSchemas(systems: readonly PlacedSystem[]): string[] {
  return systems
    .filter(
      ({ system }) =>
        system.entities.some(({ file }) => file !== undefined) || system.retention.some(({ files }) => files),
    )
    .map(({ schema }) => schema)
}

/** The stores that were named, else all. @throws UsageError when there are none, or a name is none */
export function storesNamed(all: readonly Store[], names: readonly string[]): readonly Store[] {
  if (all.length === 0) {
    throw new UsageError({
      code: 'no-store',
      message: 'The profile has no store',
      hint: 'Name one under stores, e.g. artifacts: file:///srv/artifacts',
    })
  }
  const unknown = names.filter((name) => !all.some((store) => store.name === name))
  if (unknown.length > 0) {
    throw new UsageError({
      code: 'no-such-store',
      message: `The profile has no store ${unknown.join(', ')}`,
      hint: `It has ${all.map(({ name }) => name).join(', ')}`,
    })
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
}
