/** What Agensium's words mean at a glance, wherever they are shown: lists, reports and the overview. */
import type { Tone } from '../../model/column.ts'

export const statusTones: Readonly<Record<string, Tone>> = {
  CREATED: 'idle',
  UPLOADING: 'active',
  UPLOAD_FAILED: 'bad',
  QUEUED: 'active',
  PROCESSING: 'active',
  COMPLETED: 'good',
  FAILED: 'bad',
  CANCELLED: 'idle',
  EXPIRED: 'idle',
}

/** What an entry of the ledger is: money in, credits spent, credits put right. */
export const typeTones: Readonly<Record<string, Tone>> = {
  PURCHASE: 'good',
  CONSUME: 'active',
  REFUND: 'idle',
  ADJUSTMENT: 'idle',
  GRANT: 'good',
}
