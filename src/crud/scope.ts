/**
 * What every crud function works on: one entity of one system, in the schema that the profile gives the system.
 */
import { type Problem, wrongInput } from '../errors.ts'
import { castIn } from '../model/cast.ts'
import { type Entity, keyOf } from '../model/entity.ts'
import type { Field } from '../model/field.ts'
import { nearest } from '../model/nearest.ts'
import { identifier, type Sql } from '../model/sql.ts'
import type { System } from '../model/system.ts'

export interface Scope {
  readonly system: System
  readonly entity: Entity
  /** Unquoted schema name, from `schemaOf(config, system.name)`. */
  readonly schema: string
}

/** The same system and schema, another entity. */
export function scopeOf(scope: Scope, entity: Entity): Scope {
  return { ...scope, entity }
}

/** The entity's table, qualified and quoted. */
export function tableOf(scope: Scope): Sql {
  return identifier(scope.schema, scope.entity.table)
}

/** The type that a bound value of this field is cast to. */
export function castType(scope: Scope, field: Field): Sql {
  return castIn(scope.schema, field)
}

/**
 * Looks a field up by the name a person typed; dashes stand for underscores.
 *
 * @returns its key and declaration, or why the name is refused (unknown with the nearest name, or secret)
 */
export function findField(
  entity: Entity,
  name: string,
): { readonly key: string; readonly field: Field } | { readonly refused: string } {
  const key = keyOf(entity, name)
  const field = Object.hasOwn(entity.fields, key) ? entity.fields[key] : undefined
  if (field?.secret) return { refused: `${key} is secret` }
  if (field) return { key, field }
  const known = Object.keys(entity.fields).filter((candidate) => !entity.fields[candidate]?.secret)
  const near = nearest(key, known)
  return { refused: `${entity.name} has no field '${name}'${near ? ` (did you mean ${near}?)` : ''}` }
}

/** The declaration of a field that is known to exist. @throws RangeError (a bug) when it does not */
export function fieldOf(entity: Entity, key: string): Field {
  const field = Object.hasOwn(entity.fields, key) ? entity.fields[key] : undefined
  if (!field) throw new RangeError(`${entity.name} declares no field ${key}`)
  return field
}

/** Throws one UsageError (exit 2) that names every problem; does nothing when there is none. */
export function refuseProblems(problems: readonly Problem[], hint: string): void {
  if (problems.length > 0) throw wrongInput(problems, hint, 'the input')
}
