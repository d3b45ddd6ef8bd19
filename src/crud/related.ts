/** The rows that an effect reaches from its own ones (model, `Link`). */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Link } from '../model/effect.ts'
import { allOf, identifier, raw, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import type { Affected } from './effects.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { typedSql } from './typed.ts'

export interface Related {
  /** Of the related rows. */
  readonly scope: Scope
  /** Each once, with the first of the rows that lead to it. */
  readonly rows: readonly { readonly id: string; readonly own: Affected }[]
  /** What must still hold when they are locked. */
  readonly only: Sql
}

/** The entity of this name in the same system and schema. @throws RangeError (a declaration at fault) */
export function entityIn(scope: Scope, name: string): Scope {
  const entity = entityNamed(scope.system, name)
  if (!entity) throw new RangeError(`${scope.system.name} has no entity ${name}`)
  return scopeOf(scope, entity)
}

export async function relatedRows(
  transaction: Transaction,
  scope: Scope,
  link: Link,
  rows: readonly Affected[],
): Promise<Related> {
  const { entity } = scope
  if ('self' in link) {
    return { scope, rows: rows.map((own) => ({ id: keyOf(own.row, entity.primaryKey), own })), only: raw('TRUE') }
  }
  if ('parent' in link) {
    const { reference } = fieldOf(entity, link.parent)
    if (!reference) throw new RangeError(`${entity.name}.${link.parent} refers to nothing`)
    return ledTo(transaction, entityIn(scope, reference.entity), rows, {
      from: link.parent,
      via: reference.field,
      only: raw('TRUE'),
    })
  }
  const target = entityIn(scope, link.entity)
  const conditions = Object.entries(link.where ?? {}).map(
    ([key, value]) =>
      sql`${identifier(key)} IS NOT DISTINCT FROM ${typedSql(target, fieldOf(target.entity, key), value)}`,
  )
  return ledTo(transaction, target, rows, {
    from: link.equals ?? entity.primaryKey,
    via: link.via,
    only: allOf(conditions),
  })
}

/** One query for all rows, and none where the key itself is what leads to the related ones. */
async function ledTo(
  transaction: Transaction,
  scope: Scope,
  rows: readonly Affected[],
  { from, via, only }: { readonly from: string; readonly via: string; readonly only: Sql },
): Promise<Related> {
  const { entity } = scope
  const owners = new Map<string, Affected>()
  for (const own of rows) {
    const value = own.row[from] ?? null
    if (value !== null && !owners.has(String(value))) owners.set(String(value), own)
  }
  if (owners.size === 0) return { scope, rows: [], only }
  const key = entity.primaryKey
  if (via === key) return { scope, rows: [...owners].map(([id, own]) => ({ id, own })), only }
  const found = await transaction.rows<{ id: unknown; via: unknown }>(sql`
    SELECT ${identifier(key)} AS id, ${identifier(via)} AS via
    FROM ${tableOf(scope)}
    WHERE ${identifier(via)} = ANY (${[...owners.keys()]}::${castType(scope, fieldOf(entity, via))}[])
      AND ${only}
    ORDER BY ${identifier(key)}`)
  return {
    scope,
    rows: found.flatMap(({ id, via: value }) => {
      const own = owners.get(String(value))
      return own ? [{ id: String(id), own }] : []
    }),
    only,
  }
}

function keyOf(row: Cells, key: string): string {
  return String(row[key])
}
