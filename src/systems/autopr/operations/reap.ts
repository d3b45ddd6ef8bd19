/** `event reap`: puts back what has been in hand for so long that its worker must be gone. */
import type { SweepOperation } from '../../../model/operation.ts'

export const reap: SweepOperation = {
  kind: 'sweep',
  name: 'reap',
  summary: 'Put events back that a worker has had in hand for too long',
  moves: 'requeue',
  // `requeue` brings failed ones back as well; that is for a person to decide, one by one.
  from: ['processing'],
  age: { field: 'claimed_at', olderThan: '15 minutes' },
  adjective: 'stale',
}
