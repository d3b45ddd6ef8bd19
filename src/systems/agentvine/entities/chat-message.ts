/**
 * Chat messages (systems/agentvine.md, 8; decisions 50, 53). `sender_id` is a user or a worker, which the database
 * checks by `sender_type`; the system and the controller have none. A message without a conversation starts one.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, json, oneOf, reference, text, timestamp, updatedAt, uuid, uuidId } from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { edit } from '../operations/edit.ts'
import { thread } from '../operations/thread.ts'
import { sameConversation } from './creation-rules.ts'

const SENDERS = ['user', 'worker', 'system', 'controller'] as const
const TYPES = ['text', 'question', 'response', 'status', 'error'] as const

export const chatMessage = entity({
  name: 'chat-message',
  aliases: ['chat'],
  table: 'chat_messages',
  summary: 'What users, workers and the controller say',
  primaryKey: 'id',
  fields: {
    id: uuidId('message id'),
    parent_message_id: reference('chat-message', 'id', {
      summary: 'message that it answers',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    conversation_id: uuid({
      summary: 'conversation it belongs to; a new one when absent',
      default: 'gen_random_uuid()',
      settable: 'create',
    }),
    sender_type: oneOf(SENDERS, { summary: 'what kind of sender', limit: 10, settable: 'create' }),
    sender_id: uuid({ summary: 'user or worker who sent it', nullable: true, settable: 'create' }),
    message: text({ summary: 'what it says', settable: 'create', rules: [notBlank] }),
    message_type: oneOf(TYPES, {
      summary: 'what kind of message',
      limit: 20,
      default: "'text'::character varying",
      settable: 'create',
    }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    edited_at: timestamp({ summary: 'when its text was last changed', nullable: true, settable: 'never' }),
  },
  checks: [
    legalValues('chk_chat_messages_sender_type', 'sender_type', SENDERS, 'varchar'),
    legalValues('chk_chat_messages_type', 'message_type', TYPES, 'varchar'),
    {
      name: 'chk_chat_messages_sender',
      expression:
        "(((sender_type)::text = ANY ((ARRAY['user'::character varying, 'worker'::character varying])::text[])) = (sender_id IS NOT NULL))",
      says: 'a user or a worker is named by sender_id; the system and the controller have none',
      fields: ['sender_type', 'sender_id'],
    },
    {
      name: 'chk_chat_messages_parent',
      expression: '(parent_message_id <> id)',
      says: 'must be another message',
      fields: ['parent_message_id'],
    },
  ],
  indexes: [
    { name: 'idx_chat_messages_conversation', on: ['conversation_id'] },
    { name: 'idx_chat_messages_sender', on: ['sender_type', 'sender_id'] },
    { name: 'idx_chat_messages_created', on: ['created_at'] },
    { name: 'idx_chat_messages_parent', on: ['parent_message_id'] },
    { name: 'idx_chat_messages_thread', on: ['conversation_id', 'created_at'] },
  ],
  triggers: ['chat_messages_check_sender', 'chat_messages_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [edit, thread],
  creation: [sameConversation],
  list: {
    columns: ['id', 'conversation_id', 'sender_type', 'message_type', 'message', 'created_at'],
    sort: '-created_at',
    search: ['message'],
    time: 'created_at',
  },
})
