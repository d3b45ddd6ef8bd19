/** Which rows a retention rule is about, as SQL; every engine asks the same question. */
import { castIn } from './cast.ts'
import type { Entity } from './entity.ts'
import { linkOf } from './field.ts'
import { type HeldTable, unheldSql } from './holds.ts'
import { statesOf } from './lifecycle.ts'
import type { AppliedRule, RetentionRule } from './retention.ts'
import { allOf, identifier, join, type Sql, sql } from './sql.ts'
import { entityNamed, type System } from './system.ts'

/** What a rule is applied to. */
export interface RuleScope {
  readonly system: System
  /** Unquoted schema name, from `schemaOf(config, system.name)`. */
  readonly schema: string
  readonly applied: AppliedRule
  /**
   * Nothing counts as held: Steward's table of holds is not there (yet), or not for this role to read, or it is asked
   * what would be due without them.
   */
  readonly withoutHolds?: boolean
}

/** The entity of a rule. @throws RangeError (a declaration at fault) */
export function entityOfRule(system: System, { entity: name, name: rule }: RetentionRule): Entity {
  const found = entityNamed(system, name)
  if (!found) throw new RangeError(`rule ${system.name}/${rule} names no entity ${name}`)
  return found
}

/** The rule's table, as holds name its rows. */
export function heldTableOf({ system, schema, applied: { rule } }: Omit<RuleScope, 'withoutHolds'>): HeldTable {
  const { table, primaryKey, partitionedBy } = entityOfRule(system, rule)
  // PostgreSQL wants the column that partitions are made by in every unique key.
  const { field } = partitionedBy ?? { field: primaryKey }
  return { schema, table, key: field === primaryKey ? [primaryKey] : [primaryKey, field] }
}

/** The fields whose age counts, the first that is set. */
export function ageFields({ ageOf }: RetentionRule): readonly string[] {
  return typeof ageOf === 'string' ? [ageOf] : ageOf
}

/** The instant a row's age counts from, NULL where the rule never applies. */
export function ageSql(rule: RetentionRule, alias: string): Sql {
  const columns = ageFields(rule).map((field) => identifier(alias, field))
  return columns.length === 1 && columns[0] ? columns[0] : sql`COALESCE(${join(columns)})`
}

/** The first instant that is too young, by the server's clock (decision 4); windows are half-open. */
export function cutoffSql({ olderThan }: AppliedRule): Sql {
  return sql`(now() - ${olderThan}::interval)`
}

/**
 * Condition that a row is due: old enough, of the values that the rule is about, of a state that is over where the rule
 * removes rows, leading to nothing that is still active, and held by nobody (`expire` takes no row away, and asks for no
 * hold).
 *
 * Several age fields become one condition each, so that an index on any of them can serve.
 *
 * @param alias of the entity's table in the statement
 */
export function dueSql(scope: RuleScope, alias: string): Sql {
  const { rule } = scope.applied
  const free = rule.action === 'expire' || scope.withoutHolds ? [] : [unheldSql(heldTableOf(scope), alias)]
  return allOf([
    oldEnough(scope.applied, alias),
    ...valueConditions(scope, alias),
    ...activeConditions(scope, alias),
    ...free,
  ])

  function oldEnough(applied: AppliedRule, of: string): Sql {
    const fields = ageFields(rule)
    const either = fields.map((field, index) => {
      const unset = fields.slice(0, index).map((earlier) => sql`${identifier(of, earlier)} IS NULL`)
      return allOf([...unset, sql`${identifier(of, field)} < ${cutoffSql(applied)}`])
    })
    return either.length === 1 ? sql`${join(either)}` : sql`(${join(either, '\n    OR ')})`
  }
}

/** `only`, `except`, and what the entity says of rows that may be marked as deleted. */
function valueConditions({ system, schema, applied }: RuleScope, alias: string): Sql[] {
  const { rule } = applied
  const entity = entityOfRule(system, rule)
  const among = (field: string, values: readonly string[]) => {
    const declared = Object.hasOwn(entity.fields, field) ? entity.fields[field] : undefined
    if (!declared) throw new RangeError(`rule ${system.name}/${rule.name} names no field ${entity.name}.${field}`)
    return sql`${identifier(alias, field)} = ANY (${[...values]}::${castIn(schema, declared)}[])`
  }
  const only = Object.entries(rule.only ?? {}).map(([field, values]) => among(field, values))
  // A field that is NULL has none of the values.
  const except = Object.entries(rule.except ?? {}).map(
    ([field, values]) => sql`(${among(field, values)}) IS NOT TRUE`,
  )
  return [...only, ...except, ...markConditions(entity, rule, alias, among)]
}

function markConditions(
  entity: Entity,
  { action, name }: RetentionRule,
  alias: string,
  among: (field: string, values: readonly string[]) => Sql,
): Sql[] {
  if (action !== 'soft-delete' && action !== 'purge' && action !== 'expire') return []
  const mark = entity.softDelete
  if (mark === undefined) {
    if (action === 'expire') return []
    throw new RangeError(`rule ${name} is about deleted rows, and rows of ${entity.name} are never marked`)
  }
  const marked = identifier(alias, mark.field)
  if (action === 'purge') return [sql`${marked} IS NOT NULL`]
  if (action === 'expire') return [sql`${marked} IS NULL`]
  const may = (mark.only ?? []).map(({ field, isOneOf }) => among(field, isOneOf.map(String)))
  return [sql`${marked} IS NULL`, ...may]
}

/** None of the references of `unlessActive` leads to a row that is waiting or active. */
function activeConditions({ system, schema, applied }: RuleScope, alias: string): Sql[] {
  const { rule } = applied
  const entity = entityOfRule(system, rule)
  return (rule.unlessActive ?? []).map((reference) => {
    const field = entity.fields[reference]
    const link = field && linkOf(field)
    const parent = link && entityNamed(system, link.entity)
    if (!parent?.lifecycle) {
      throw new RangeError(`rule ${system.name}/${rule.name}: ${reference} leads to no entity with a lifecycle`)
    }
    const { lifecycle } = parent
    const state = parent.fields[lifecycle.field]
    if (!state) throw new RangeError(`${parent.name} declares no field ${lifecycle.field}`)
    const open = statesOf(lifecycle, 'waiting', 'active')
    return sql`NOT EXISTS (
      SELECT
      FROM ${identifier(schema, parent.table)} AS parent
      WHERE ${identifier('parent', parent.primaryKey)} = ${identifier(alias, reference)}
        AND ${identifier('parent', lifecycle.field)} = ANY (${open}::${castIn(schema, state)}[])
    )`
  })
}
