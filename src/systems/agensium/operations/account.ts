/**
 * What becomes of an account (decision 44): `verify` and `set-password`. Both end whatever one-time code is on its way,
 * since it was for one of the two and would otherwise still open the account.
 */
import type { AssignOperation } from '../../../model/operation.ts'
import * as account from '../../../model/ready-made.ts'

const clears = ['otp_code', 'otp_expires_at', 'otp_type'] as const

export const verify: AssignOperation = {
  ...account.verify,
  summary: "Record that the user's address is verified, without the one-time code",
  clears,
}

export const setPassword: AssignOperation = {
  ...account.setPassword,
  summary: 'Give the user a new password; one-time codes that were sent open nothing any more',
  clears,
}
