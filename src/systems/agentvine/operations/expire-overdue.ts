/** `work-order expire-overdue` (decision 52): `expire`, for every order whose time has passed. */
import type { SweepOperation } from '../../../model/operation.ts'

export const expireOverdue: SweepOperation = {
  kind: 'sweep',
  name: 'expire-overdue',
  summary: 'Expire the open orders whose expires_at has passed',
  moves: 'expire',
  age: { field: 'expires_at', olderThan: '0 seconds' },
  adjective: 'overdue',
}
