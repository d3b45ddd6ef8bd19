/** What the commands of one entity share: the scope they work in, and words made from the declaration. */
import { schemaOf } from '../../config/config.ts'
import type { Scope } from '../../crud/scope.ts'
import type { Entity } from '../../model/entity.ts'
import { entityNamed, type System } from '../../model/system.ts'
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

/** The word before a noun: `an execution`, `a user`. */
export function article(noun: string): string {
  return /^[aeiou]/i.test(noun) && !noun.startsWith('user') ? 'an' : 'a'
}

/** What an id argument is, for help: `id or execution_id of the execution`, `ids of the tasks`. */
export function idWords(system: System, entity: Entity, many: 'one' | 'several' = 'one'): string {
  const handle = handleOf(system, entity)
  const [id, noun] = many === 'one' ? ['id', entity.name] : ['ids', entity.plural]
  return `${id}${handle === undefined ? '' : ` or ${handle}`} of the ${spoken(noun)}`
}

/** The field by which people know a row, of the entity itself or of the one that its key refers to. */
function handleOf(system: System, { handle, fields, primaryKey }: Entity): string | undefined {
  const reference = fields[primaryKey]?.reference
  return handle ?? (reference && entityNamed(system, reference.entity)?.handle)
}

/** An id as the database makes them, for examples: `tsk_712953182740054018`. */
export function exampleId(entity: Entity, last = 18): string {
  const prefix = entity.fields[entity.primaryKey]?.idPrefix
  return prefix === undefined ? '<id>' : `${prefix}_7129531827400540${last}`
}
