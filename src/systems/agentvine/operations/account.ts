/** What is done to an account besides editing it. */
import type { AssignOperation } from '../../../model/operation.ts'

export const accountOperations: readonly AssignOperation[] = [
  {
    kind: 'assign',
    name: 'verify',
    summary: 'Record that the address is verified',
    when: { is_verified: false },
    set: { is_verified: true },
    otherwise: 'is already verified',
  },
  {
    kind: 'assign',
    name: 'set-password',
    summary: 'Give the user another password',
    when: {},
    set: {},
    takes: { hashed_password: 'required' },
    otherwise: 'cannot get another password',
  },
  {
    kind: 'assign',
    name: 'activate',
    summary: 'Let the user log in again',
    when: { is_active: false },
    set: { is_active: true },
    otherwise: 'is already active',
  },
  {
    kind: 'assign',
    name: 'deactivate',
    summary: 'Let the user log in no more; what the user made stays',
    when: { is_active: true },
    set: { is_active: false },
    otherwise: 'is already inactive',
    ends: true,
  },
]
