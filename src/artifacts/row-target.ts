/** The rows that files are deleted with: their table, what covers them, and what hangs on them. */
import type { ForeignKey } from '../db/catalog.ts'
import type { Queryable, Transaction } from '../db/database.ts'
import { castIn } from '../model/cast.ts'
import { dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import type { Entity } from '../model/entity.ts'
import { linkOf } from '../model/field.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import type { PlacedSystem } from './holders.ts'
import { isReferred, keeperOf, type References, referencesTo } from './references.ts'
import type { MarkOwner } from './tombstones.ts'

type FiledEntity = Entity & { readonly file: NonNullable<Entity['file']> }

export interface RowTarget {
  readonly placed: PlacedSystem
  readonly entity: FiledEntity
  /** Rules of this entity that are on; a marked row goes only while one of them covers it. */
  readonly rules: readonly RuleScope[]
  readonly references: References
  readonly owner: MarkOwner
}

/**
 * @param rules every rule of the system that is on
 * @throws RangeError (a declaration at fault)
 */
export async function rowTarget(
  db: Queryable,
  placed: PlacedSystem,
  entity: FiledEntity,
  rules: readonly RuleScope[],
): Promise<RowTarget> {
  const own = rules.filter(
    ({ applied: { rule } }) =>
      rule.action === 'delete-files' && rule.files === undefined && rule.entity === entity.name,
  )
  const detached = own.flatMap(({ applied: { rule } }) => rule.detaches ?? [])
  const detaches = (key: ForeignKey) =>
    detached.some((reference) => {
      const [name = '', field] = reference.split('.')
      const table = entityNamed(placed.system, name)?.table
      return (
        key.schema === placed.schema && key.table === table && key.columns.length === 1 && key.columns[0] === field
      )
    })
  const { schema } = placed
  return {
    placed,
    entity,
    rules: own,
    references: await referencesTo(db, schema, entity.table, detaches),
    owner: { system: placed.system.name, schema, entity: entity.name },
  }
}

/** The entity of a rule, which must have files by its rows. @throws RangeError (a declaration at fault) */
export function filedEntityOf({ system, applied: { rule } }: RuleScope): FiledEntity {
  const entity = entityOfRule(system, rule)
  if (!entity.file)
    throw new RangeError(`rule ${system.name}/${rule.name}: rows of ${entity.name} stand for no files`)
  return { ...entity, file: entity.file }
}

export function tableOf({ placed, entity }: RowTarget): Sql {
  return identifier(placed.schema, entity.table)
}

/** The key's values, bound as what the column is. */
export function keysSql({ placed, entity }: RowTarget, ids: readonly string[]): Sql {
  const field = entity.fields[entity.primaryKey]
  return sql`${[...ids]}::${field === undefined ? raw('text') : castIn(placed.schema, field)}[]`
}

/** Condition that one of the rules covers a row. */
export function coveredSql({ rules }: RowTarget, alias: string): Sql {
  if (rules.length === 0) return raw('FALSE')
  return sql`(${join(
    rules.map((rule) => sql`(${dueSql(rule, alias)})`),
    ' OR ',
  )})`
}

/** Condition that no row that stays refers to it, nor to what would go along with it. */
export function unkeptSql({ references }: RowTarget, alias: string): Sql {
  return allOf(references.keeps.map((path) => sql`NOT ${isReferred(path, alias)}`))
}

/** The rule without what protects rows of active parents. */
export function regardless(scope: RuleScope): RuleScope {
  const { unlessActive: _, ...rule } = scope.applied.rule
  return { ...scope, applied: { ...scope.applied, rule } }
}

/** Columns that lead to what may be active, with the tables they lead to. */
export function activeReferences({ placed, entity, rules }: RowTarget): {
  readonly column: string
  readonly table: string
  readonly key: string
}[] {
  const columns = [...new Set(rules.flatMap(({ applied: { rule } }) => rule.unlessActive ?? []))]
  return columns.flatMap((column) => {
    const field = entity.fields[column]
    const link = field && linkOf(field)
    const parent = link && entityNamed(placed.system, link.entity)
    return parent ? [{ column, table: parent.table, key: parent.primaryKey }] : []
  })
}

/** A column that leads to parents, and those of them that another session has in hand. */
export interface Parents {
  readonly column: string
  readonly busy: readonly string[]
}

/**
 * Locks what the rows belong to FOR SHARE, so that none becomes active while their files go; a task that is retried
 * waits for the batch.
 *
 * @returns by column, the parents that another session has in hand
 */
export async function lockParents(tx: Transaction, target: RowTarget, ids: readonly string[]): Promise<Parents[]> {
  const { placed, entity } = target
  const all: Parents[] = []
  for (const { column, table, key } of activeReferences(target)) {
    const rows = await tx.rows<{ id: string }>(sql`
      WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ${identifier('a', column)} AS id
        FROM ${tableOf(target)} AS a
        WHERE ${identifier('a', entity.primaryKey)} = ANY (${keysSql(target, ids)})
          AND ${identifier('a', column)} IS NOT NULL
      ),
      locked AS MATERIALIZED (
        SELECT ${identifier('p', key)} AS id
        FROM ${identifier(placed.schema, table)} AS p
        WHERE ${identifier('p', key)} IN (SELECT id FROM wanted)
        FOR SHARE SKIP LOCKED
      )
      SELECT id::text AS id
      FROM wanted
      WHERE NOT EXISTS (SELECT FROM locked WHERE locked.id = wanted.id)`)
    all.push({ column, busy: rows.map(({ id }) => id) })
  }
  return all
}

/** Who keeps rows, in words, with a condition that says so. */
export function keepers(
  { references }: RowTarget,
  alias: string,
): { readonly reason: string; readonly holds: Sql }[] {
  return references.keeps.map((path) => ({
    reason: `still referenced by ${keeperOf(path)}`,
    holds: isReferred(path, alias),
  }))
}
