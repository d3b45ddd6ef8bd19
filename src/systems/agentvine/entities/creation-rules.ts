/** Rules over several rows that hold at creation. */
import type { CreationRule } from '../../../model/entity.ts'

/**
 * Orders are made for a task that is ready. One that is queued has an order already, which the database refuses to have
 * twice; it passes here because `task queue` queues the task before it makes the order.
 */
export const taskToQueue: CreationRule = {
  via: 'task_id',
  lock: 'update',
  refuses: ({ status }) =>
    status === 'pending' || status === 'queued'
      ? undefined
      : `is ${String(status)}${status === 'blocked' ? ' (dependency graph shows what it waits for)' : ''}, and an order is made for a pending task`,
}

/** A worker takes an order when it is there, is well, is not being drained, and has room (decision 52). */
export const freeWorker: CreationRule = {
  via: 'worker_id',
  lock: 'update',
  refuses({ status, draining_at: draining }) {
    if (status === 'offline') return 'is offline'
    if (status === 'error') return 'is in error'
    return draining === null ? undefined : 'is draining'
  },
  limit: ({ max_concurrent_tasks: atMost }) => ({ atMost: Number(atMost), because: 'max_concurrent_tasks' }),
}

/** A reply belongs to the conversation of what it answers. */
export const sameConversation: CreationRule = {
  via: 'parent_message_id',
  lock: 'share',
  matches: { conversation_id: 'conversation_id' },
  fills: true,
}
