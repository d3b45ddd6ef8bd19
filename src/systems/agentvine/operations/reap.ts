/** `worker reap` (decision 52). One that has never been heard of although it is not offline is stale as well. */
import type { SweepOperation } from '../../../model/operation.ts'

export const reap: SweepOperation = {
  kind: 'sweep',
  name: 'reap',
  summary: 'Take workers without a heartbeat for 90 s offline: their orders are tried again or fail',
  moves: 'offline',
  age: { field: 'last_heartbeat_at', olderThan: '90 seconds', orNull: true },
  adjective: 'stale',
}
