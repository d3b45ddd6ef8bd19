/** The rows that a rule by prefix covers. */
import type { Queryable } from '../db/database.ts'
import { ageSql, dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import { allOf, identifier, join, type Sql, sql } from '../model/sql.ts'
import { fieldsOf } from './prefix.ts'

export interface PrefixRule {
  readonly name: string
  readonly entity: ReturnType<typeof entityOfRule>
  readonly prefix: string
  readonly cleanedAt: string
}

/** @throws RangeError (a declaration at fault) */
export function prefixRule({ system, applied: { rule } }: RuleScope): PrefixRule {
  if (rule.files === undefined) throw new RangeError(`rule ${system.name}/${rule.name} is about no prefix`)
  return { name: rule.name, entity: entityOfRule(system, rule), ...rule.files }
}

export interface Position {
  readonly age: string
  readonly id: string
}

export interface DueRow extends Position {
  readonly values: Readonly<Record<string, string | null>>
}

/** Rows that are covered and not cleaned, the oldest first. */
export function dueRows(scope: RuleScope, rule: PrefixRule, after: Position | undefined, limit: number): Sql {
  const { entity } = rule
  const key = identifier('r', entity.primaryKey)
  const age = ageSql(scope.applied.rule, 'r')
  const values = fieldsOf(rule.prefix).map((field) => sql`${field}::text, ${identifier('r', field)}::text`)
  const further = after === undefined ? [] : [sql`(${age}, ${key}::text) > (${after.age}::timestamptz, ${after.id})`]
  return sql`
    SELECT ${key}::text AS id, ${age}::text AS age, jsonb_build_object(${join(values)}) AS values
    FROM ${identifier(scope.schema, entity.table)} AS r
    WHERE ${allOf([dueSql(scope, 'r'), sql`${identifier('r', rule.cleanedAt)} IS NULL`, ...further])}
    ORDER BY ${age}, ${key}::text
    LIMIT ${limit}::bigint`
}

/** How many there are. */
export async function countDueRows(
  db: Queryable,
  scope: RuleScope,
  { entity, cleanedAt }: PrefixRule,
): Promise<bigint> {
  const { rows } = await db.one<{ rows: bigint }>(sql`
    SELECT COUNT(*) AS rows
    FROM ${identifier(scope.schema, entity.table)} AS r
    WHERE ${allOf([dueSql(scope, 'r'), sql`${identifier('r', cleanedAt)} IS NULL`])}`)
  return rows
}
