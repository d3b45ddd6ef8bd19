/**
 * Creation rules (model, `CreationRule`): what only the database knows about a new row. Parents are read and locked in
 * the writing transaction, so that what was checked still holds when the row is written; every problem is found.
 */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { CreationRule, Entity } from '../model/entity.ts'
import type { Field } from '../model/field.ts'
import { statesOf } from '../model/lifecycle.ts'
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import type { Candidate } from './candidate.ts'
import { applyDerived } from './derived.ts'
import { resolveCandidates } from './ids.ts'
import type { Values } from './input.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList } from './select.ts'
import { checkTakenByDeleted, whyDeleted } from './soft-delete.ts'
import { isSameValue } from './typed.ts'
import { missingParent } from './violations.ts'

interface ParentsOptions {
  /** Only these references: those that an update changes. */
  readonly only?: readonly string[]
  /** False leaves the limits out: an update adds no row. */
  readonly limits?: boolean
}

/**
 * Adds to every candidate the problems that its parents cause: missing, deleted, refusing, at their limit, of another
 * owner, or holding a JSON Schema that the row does not meet; and the fields that it leaves out and a parent gives, or
 * that rows of another entity give (`Derived`). Parents that are named by their handle are found.
 *
 * Parents are locked field by field in declared order and by key within a field, so that two writers cannot wait for
 * each other.
 */
export async function checkParents(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
  { only, limits = true }: ParentsOptions = {},
): Promise<void> {
  const { entity } = scope
  await resolveCandidates(transaction, scope, candidates)
  for (const [key, field] of Object.entries(entity.fields)) {
    const parent = field.reference && entityNamed(scope.system, field.reference.entity)
    if (!field.reference || !parent || (only && !only.includes(key))) continue
    const referring = candidates.filter(({ values }) => values[key] !== undefined && values[key] !== null)
    if (referring.length === 0) continue
    const rules = entity.creation.filter(({ via }) => via === key)
    const parents = await lockParents(transaction, scopeOf(scope, parent), {
      key: field.reference.field,
      ids: [...new Set(referring.map(({ values }) => String(values[key])))].sort(),
      lock: lockFor(entity, key, rules, limits),
    })
    const present = referring.filter((candidate) => {
      const value = candidate.values[key]
      const found = parents.get(String(value))
      const gone = found && whyDeleted(parent, found)
      if (gone !== undefined) {
        candidate.problems.push({ where: key, reason: `names ${parent.name} ${String(value)}, which ${gone}` })
      } else if (!found) candidate.problems.push(missingParent(key, field, value))
      return found !== undefined && gone === undefined
    })
    for (const rule of rules) await applyRule(transaction, scope, rule, present, parents, limits)
  }
  if (limits) await applyDerived(transaction, scope, candidates)
  await checkTakenByDeleted(transaction, scope, candidates, only)
}

/**
 * The weakest lock that does: as the foreign key itself takes it without rules; stronger where a rule reads the
 * parent, and one that excludes other creators where rows are counted or numbered within the parent.
 */
function lockFor(entity: Entity, key: string, rules: readonly CreationRule[], limits: boolean): Sql {
  const numbered = limits && Object.values(entity.fields).some(({ numberedWithin }) => numberedWithin?.includes(key))
  if (numbered || (limits && rules.some(({ lock }) => lock === 'update'))) return raw('FOR NO KEY UPDATE')
  return raw(rules.length > 0 ? 'FOR SHARE' : 'FOR KEY SHARE')
}

/** Parents by their key, locked in its order; as a foreign key would lock them unless told otherwise. */
export async function lockParents(
  transaction: Transaction,
  scope: Scope,
  {
    key,
    ids,
    lock = raw('FOR KEY SHARE'),
  }: { readonly key: string; readonly ids: readonly string[]; readonly lock?: Sql },
): Promise<Map<string, Cells>> {
  const rows = await transaction.rows<Cells>(sql`
    SELECT ${selectList(Object.keys(scope.entity.fields))}
    FROM ${tableOf(scope)}
    WHERE ${identifier(key)} = ANY (${ids}::${castType(scope, fieldOf(scope.entity, key))}[])
    ORDER BY ${identifier(key)}
    ${lock}`)
  return new Map(rows.map((row) => [String(row[key]), row]))
}

async function applyRule(
  transaction: Transaction,
  scope: Scope,
  rule: CreationRule,
  candidates: readonly Candidate[],
  parents: ReadonlyMap<string, Cells>,
  limits: boolean,
): Promise<void> {
  const { entity } = scope
  const parentName = fieldOf(entity, rule.via).reference?.entity ?? 'the parent'
  const validate = rule.validates && (await import('./json-schema.ts')).validateAgainst
  for (const candidate of candidates) {
    const { problems } = candidate
    const parent = parents.get(String(candidate.values[rule.via]))
    if (!parent) continue
    if (rule.fills) candidate.values = { ...filledFrom(rule, parent), ...candidate.values }
    const { values } = candidate
    const refused = rule.refuses?.(parent)
    if (refused !== undefined) problems.push({ where: rule.via, reason: refused })
    for (const [own, theirs] of Object.entries(rule.matches ?? {})) {
      const value = values[own]
      if (value === undefined || value === null || isSame(fieldOf(entity, own), parent[theirs], value)) continue
      problems.push({ where: own, reason: `must be the ${theirs} of ${parentName} ${String(values[rule.via])}` })
    }
    if (rule.validates && validate) {
      const { field, against } = rule.validates
      const schema = parent[against]
      // A field that has a problem already would only be said to be missing.
      if (schema === null || schema === undefined || problems.some(({ where }) => where === field)) continue
      problems.push(...validate(schema, values[field] ?? {}, field))
    }
  }
  if (limits && rule.limit) await applyLimit(transaction, scope, rule, candidates, parents)
}

/** Keys may be of different widths: an integer here, a bigint there. */
function isSame(field: Field, theirs: unknown, own: unknown): boolean {
  return isSameValue(field, theirs, own) || (theirs !== null && String(theirs) === String(own))
}

/** What the parent gives a row that leaves it out. */
function filledFrom({ matches = {} }: CreationRule, parent: Cells): Values {
  return Object.fromEntries(Object.entries(matches).map(([own, theirs]) => [own, parent[theirs]]))
}

/** Counts active rows of each parent; candidates take the places that are left, in their order. */
async function applyLimit(
  transaction: Transaction,
  scope: Scope,
  rule: CreationRule,
  candidates: readonly Candidate[],
  parents: ReadonlyMap<string, Cells>,
): Promise<void> {
  const { entity } = scope
  const { lifecycle } = entity
  if (!rule.limit || !lifecycle) return
  const via = identifier(rule.via)
  const counted = await transaction.rows<{ parent: unknown; count: bigint }>(sql`
    SELECT ${via} AS parent, count(*) AS count
    FROM ${tableOf(scope)}
    WHERE ${via} = ANY (${[...parents.keys()]}::${castType(scope, fieldOf(entity, rule.via))}[])
      AND ${identifier(lifecycle.field)}::text = ANY (${statesOf(lifecycle, 'active')}::text[])
    GROUP BY ${via}`)
  const taken = new Map(counted.map(({ parent, count }) => [String(parent), Number(count)]))
  const beginsActive = lifecycle.states[lifecycle.initial] === 'active'
  for (const { values, problems } of candidates) {
    const id = String(values[rule.via])
    const parent = parents.get(id)
    if (!parent) continue
    const { atMost, because } = rule.limit(parent)
    const active = taken.get(id) ?? 0
    if (active >= atMost) {
      const reason = `already has ${active} active ${active === 1 ? entity.name : entity.plural}, and ${because} allows ${atMost}`
      problems.push({ where: rule.via, reason })
    } else if (beginsActive && problems.length === 0) {
      taken.set(id, active + 1)
    }
  }
}
