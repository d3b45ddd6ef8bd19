/** Rows of a queue that wait because of their parents (model, `claims.parents`). */
import type { Queryable } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Field } from '../model/field.ts'
import type { HoldingParent, Transition } from '../model/lifecycle.ts'
import { allOf, identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { aliveSql, whyDeleted } from './soft-delete.ts'
import { isSameValue, typedSql } from './typed.ts'

/** Conditions under which a row is handed out: each parent is there, not deleted, and as it has to be. */
export function unheldSql(scope: Scope, { claims }: Transition, alias: string): Sql[] {
  return (claims?.parents ?? []).map(({ via, is }) => {
    const { parents, reference } = parentOf(scope, via)
    const conditions = Object.entries(is).map(
      ([key, value]) =>
        sql`${identifier('parent', key)} IS NOT DISTINCT FROM ${typedSql(parents, fieldOf(parents.entity, key), value)}`,
    )
    return sql`EXISTS (
      SELECT
      FROM ${tableOf(parents)} AS parent
      WHERE parent.${identifier(reference.field)} = ${identifier(alias, via)}
        AND ${allOf([...conditions, aliveSql(parents, 'parent')])})`
  })
}

/** Why rows that are named wait, to complete `<entity> <id> …`. Their parents are read, not locked. */
export async function whyHeld(
  db: Queryable,
  scope: Scope,
  { claims }: Transition,
  rows: readonly Cells[],
): Promise<ReadonlyMap<Cells, string>> {
  const reasons = new Map<Cells, string>()
  for (const parent of claims?.parents ?? []) {
    const { parents, reference } = parentOf(scope, parent.via)
    const ids = [...new Set(rows.map((row) => String(row[parent.via])))]
    const found = await db.rows<Cells>(sql`
      SELECT ${selectList(Object.keys(parents.entity.fields))}
      FROM ${tableOf(parents)}
      WHERE ${identifier(reference.field)} = ANY (${ids}::${castType(parents, fieldOf(parents.entity, reference.field))}[])`)
    const byId = new Map(found.map((row) => [String(row[reference.field]), row]))
    for (const row of rows) {
      const theirs = byId.get(String(row[parent.via]))
      const reason = theirs && whyNot(parents, parent, theirs)
      if (reason === undefined) continue
      reasons.set(row, `waits: its ${parents.entity.name} ${String(row[parent.via])} ${reason}`)
    }
  }
  return reasons
}

function whyNot({ entity }: Scope, { is, otherwise }: HoldingParent, row: Cells): string | undefined {
  const isSo = Object.entries(is).every(([key, value]) => isSameValue(fieldOf(entity, key), row[key], value))
  return whyDeleted(entity, row) ?? (isSo ? undefined : otherwise)
}

/** @throws RangeError (a declaration at fault) */
function parentOf(
  scope: Scope,
  via: string,
): { readonly parents: Scope; readonly reference: NonNullable<Field['reference']> } {
  const { reference } = fieldOf(scope.entity, via)
  const entity = reference && entityNamed(scope.system, reference.entity)
  if (!reference || !entity) throw new RangeError(`${scope.entity.name} refers to nothing with ${via}`)
  return { parents: scopeOf(scope, entity), reference }
}
