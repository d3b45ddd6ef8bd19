/** What an operation is given besides ids: fields of the row (`takes`) and values that only effects use (`inputs`). */
import type { Transaction } from '../db/database.ts'
import type { Cells } from '../model/column.ts'
import type { Fields } from '../model/entity.ts'
import type { Candidate } from './candidate.ts'
import { checkParents } from './creation.ts'
import { refuseInput, type Values } from './input.ts'
import type { Scope } from './scope.ts'

export interface Takes {
  readonly takes?: Readonly<Record<string, 'required' | 'optional'>>
  readonly inputs?: Fields
}

/** The part of what is given that is stored in the row itself. */
export function ownValues({ takes = {}, inputs = {} }: Takes, given: Values): Values {
  return Object.fromEntries(
    Object.entries(given).filter(([key]) => Object.hasOwn(takes, key) || !Object.hasOwn(inputs, key)),
  )
}

/**
 * Makes sure that the rows which inputs name exist, and keeps them until the transaction ends.
 *
 * @returns what was given, with the keys of the rows
 * @throws RefusedError (exit 5) naming each input whose row does not
 */
export async function checkInputs(
  transaction: Transaction,
  scope: Scope,
  verb: string,
  { inputs }: Takes,
  given: Values,
): Promise<Values> {
  const named = Object.keys(inputs ?? {}).filter((key) => inputs?.[key]?.reference && (given[key] ?? null) !== null)
  if (!inputs || named.length === 0) return given
  const candidate: Candidate = {
    values: Object.fromEntries(named.map((key) => [key, given[key]])),
    problems: [],
  }
  const entity = { ...scope.entity, fields: inputs, creation: [], uniques: [] }
  await checkParents(transaction, { ...scope, entity }, [candidate], { limits: false })
  refuseInput(scope.entity, verb, candidate.problems)
  return { ...given, ...candidate.values }
}

/**
 * Makes sure that references which are taken lead to rows that these rows may have, as in an update, and keeps them
 * until the transaction ends.
 *
 * @param rows that get what is given
 * @param all check every reference of theirs, as at creation
 * @returns what was given, with the keys of the rows
 * @throws RefusedError (exit 5) naming each reference, with the row where there are several
 */
export async function checkTaken(
  transaction: Transaction,
  scope: Scope,
  verb: string,
  declared: Takes,
  rows: readonly Cells[],
  given: Values,
  all = false,
): Promise<Values> {
  const { entity } = scope
  const taken = Object.keys(declared.takes ?? {}).filter(
    (key) => entity.fields[key]?.reference && (given[key] ?? null) !== null,
  )
  if (rows.length === 0 || (taken.length === 0 && !all)) return given
  const own = Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(entity.fields, key)))
  const candidates: Candidate[] = rows.map((row) => ({ values: { ...row, ...own }, problems: [] }))
  await checkParents(transaction, scope, candidates, { limits: false, ...(all ? {} : { only: taken }) })
  const problems = candidates.flatMap(({ values, problems: of }) =>
    of.map(({ where, reason }) => ({
      where: [...(rows.length > 1 ? [String(values[entity.primaryKey])] : []), where].filter(Boolean).join('.'),
      reason,
    })),
  )
  refuseInput(entity, verb, problems)
  const [first] = candidates
  return { ...given, ...Object.fromEntries(taken.map((key) => [key, first?.values[key]])) }
}
