/** `chat-message thread`: one conversation, replies below what they answer. */
import type { ThreadOperation } from '../../../model/operation.ts'

export const thread: ThreadOperation = {
  kind: 'thread',
  name: 'thread',
  summary: 'Show a conversation with its replies',
  by: 'conversation_id',
  parent: 'parent_message_id',
  author: ['sender_type', 'sender_id'],
  text: 'message',
  time: 'created_at',
}
