/** What an operation is given besides ids: fields of the row (`takes`) and values that only effects use (`inputs`). */
import type { Transaction } from '../db/database.ts'
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

/** References among the fields that are taken, as far as they are given. */
export function referencesTaken({ entity }: Scope, { takes = {} }: Takes, given: Values): string[] {
  return Object.keys(takes).filter((key) => entity.fields[key]?.reference && (given[key] ?? null) !== null)
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
