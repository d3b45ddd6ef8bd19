/** `api-key revoke` (decision 9): for good; a new key takes its place. */
import type { AssignOperation } from '../../../model/operation.ts'

export const revoke: AssignOperation = {
  kind: 'assign',
  name: 'revoke',
  summary: 'Make the key open nothing any more, for good',
  when: { valid: true },
  set: { valid: false },
  stamps: ['revoked_at'],
  otherwise: 'is already revoked',
  ends: true,
}
