/** Ready-made operations: a flag that is put on and off, and what is done to the account of a user. */
import type { AssignOperation } from './operation.ts'

interface Side {
  readonly name: string
  readonly summary: string
  /** How a row is that has been there already: `active` makes `is already active`. */
  readonly already: string
}

/** Two operations on one boolean field. The second ends something that others may be using. */
export function switching(field: string, on: Side, off: Side): readonly [AssignOperation, AssignOperation] {
  const side = ({ name, summary, already }: Side, to: boolean): AssignOperation => ({
    kind: 'assign',
    name,
    summary,
    when: { [field]: !to },
    set: { [field]: to },
    otherwise: `is already ${already}`,
  })
  return [side(on, true), { ...side(off, false), ends: true }]
}

/**
 * `activate` and `deactivate`, for whatever has `is_active`.
 *
 * @param what the noun for the summaries
 * @param consequence what deactivating means, a clause without a full stop
 */
export function activation(what: string, consequence: string): readonly [AssignOperation, AssignOperation] {
  return switching(
    'is_active',
    { name: 'activate', summary: `Make the ${what} active again`, already: 'active' },
    { name: 'deactivate', summary: `Make the ${what} inactive: ${consequence}`, already: 'inactive' },
  )
}

/** `enable` and `disable`, for whatever has `enabled`; parameters as of `activation`. */
export function enabling(what: string, consequence: string): readonly [AssignOperation, AssignOperation] {
  return switching(
    'enabled',
    { name: 'enable', summary: `Put the ${what} into use`, already: 'enabled' },
    { name: 'disable', summary: `Take the ${what} out of use: ${consequence}`, already: 'disabled' },
  )
}

/** `verify`, for users whose address must be known to be theirs. */
export const verify: AssignOperation = {
  kind: 'assign',
  name: 'verify',
  summary: 'Record that the address is verified',
  when: { is_verified: false },
  set: { is_verified: true },
  otherwise: 'is already verified',
}

/** `set-password`, for users with a `hashed_password`. */
export const setPassword: AssignOperation = {
  kind: 'assign',
  name: 'set-password',
  summary: 'Give the user another password',
  when: {},
  set: {},
  takes: { hashed_password: 'required' },
  otherwise: 'cannot get another password',
}
