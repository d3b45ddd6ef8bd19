/** What the commands of one entity share: the scope they work in, and words made from the declaration. */
import { schemaOf } from '../../config/config.ts'
import type { Scope } from '../../crud/scope.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import type { Context } from '../command.ts'

/** The entity in the schema that the profile gives its system. */
export async function entityScope(context: Context, system: System, entity: Entity): Promise<Scope> {
  return { system, entity, schema: schemaOf(await context.config(), system.name) }
}

/** `skyvern task list`: the words before the flags, for examples and hints. */
export function wordsOf(system: System, entity: Entity, verb: string): string {
  return `${system.name} ${entity.name} ${verb}`
}

/** `api key` for `api-key`. */
export function spoken(name: string): string {
  return name.replaceAll('-', ' ')
}

/** An id as the database makes them, for examples: `tsk_712953182740054018`. */
export function exampleId(entity: Entity, last = 18): string {
  const prefix = entity.fields[entity.primaryKey]?.idPrefix
  return prefix === undefined ? '<id>' : `${prefix}_7129531827400540${last}`
}
