/** Fields that a new row leaves out and rows of another entity give (decision 43: the agents of the tool). */
import type { Queryable } from '../db/database.ts'
import type { Derived } from '../model/entity.ts'
import { allOf, identifier, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import type { Candidate } from './candidate.ts'
import { fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { aliveSql } from './soft-delete.ts'
import { typedSql } from './typed.ts'

/** Fills the derived field of every candidate that leaves it out; one that finds nothing to fill it with has a problem. */
export async function applyDerived(db: Queryable, scope: Scope, candidates: readonly Candidate[]): Promise<void> {
  const { derived } = scope.entity
  if (!derived) return
  const matched = Object.values(derived.matching)
  const found = new Map<string, readonly unknown[]>()
  for (const candidate of candidates) {
    const { values, problems } = candidate
    if (values[derived.field] !== undefined) continue
    // What is missing or wrong is a problem already.
    if (matched.some((key) => (values[key] ?? null) === null)) continue
    const key = JSON.stringify(matched.map((name) => String(values[name])))
    const collected = found.get(key) ?? (await collect(db, scope, derived, candidate))
    found.set(key, collected)
    if (collected.length > 0) candidate.values = { ...values, [derived.field]: collected }
    else problems.push({ where: matched.join(', '), reason: derived.otherwise })
  }
}

async function collect(
  db: Queryable,
  scope: Scope,
  { from, collects, matching, where = {} }: Derived,
  { values }: Candidate,
): Promise<readonly unknown[]> {
  const source = entityNamed(scope.system, from)
  if (!source) throw new RangeError(`${scope.entity.name} derives from no entity ${from}`)
  const giving = scopeOf(scope, source)
  const conditions = [
    ...Object.entries(matching).map(([theirs, own]): [string, unknown] => [theirs, values[own]]),
    ...Object.entries(where),
  ].map(([key, value]) => sql`${identifier(key)} = ${typedSql(giving, fieldOf(source, key), value)}`)
  const column = identifier(collects)
  const rows = await db.rows<{ value: unknown }>(sql`
    SELECT DISTINCT ${column} AS value
    FROM ${tableOf(giving)}
    WHERE ${allOf([...conditions, aliveSql(giving)])}
      AND ${column} IS NOT NULL
    ORDER BY ${column}`)
  return rows.map(({ value }) => value)
}
