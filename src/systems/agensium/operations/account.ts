/**
 * What becomes of an account (decision 44): `verify` and `set-password`. Both end whatever one-time code is on its way,
 * since it was for one of the two and would otherwise still open the account.
 */
import type { AssignOperation } from '../../../model/operation.ts'

const oneTimeCode = ['otp_code', 'otp_expires_at', 'otp_type'] as const

export const verify: AssignOperation = {
  kind: 'assign',
  name: 'verify',
  summary: "Record that the user's address is verified, without the one-time code",
  when: { is_verified: false },
  set: { is_verified: true },
  clears: oneTimeCode,
  otherwise: 'is already verified',
}

export const setPassword: AssignOperation = {
  kind: 'assign',
  name: 'set-password',
  summary: 'Give the user a new password; one-time codes that were sent open nothing any more',
  when: {},
  set: {},
  takes: { hashed_password: 'required' },
  clears: oneTimeCode,
  otherwise: 'cannot have another password',
}
