/** Attachments of chat messages (systems/agentvine.md, 9). They go with their message. */
import { reaches } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { bigint, createdAt, json, reference, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { atLeast, jsonObject, notBlank } from '../../../model/rule.ts'

export const attachment = entity({
  name: 'attachment',
  aliases: ['chat-attachment'],
  table: 'chat_attachments',
  summary: 'Files that came with a message',
  primaryKey: 'id',
  fields: {
    id: uuidId('attachment id'),
    message_id: reference('chat-message', 'id', {
      summary: 'message it came with',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    file_name: varchar(255, { summary: 'name as the sender had it', settable: 'create', rules: [notBlank] }),
    file_path: varchar(500, { summary: 'where the file is', settable: 'create', rules: [notBlank] }),
    file_type: varchar(50, { summary: 'media type', nullable: true, settable: 'create', rules: [notBlank] }),
    file_size_bytes: bigint({
      summary: 'size of the file',
      nullable: true,
      settable: 'create',
      rules: [atLeast(0)],
      unit: 'bytes',
    }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [reaches('chk_chat_attachments_size', 'file_size_bytes', 0)],
  indexes: [{ name: 'idx_chat_attachments_message', on: ['message_id'] }],
  triggers: ['chat_attachments_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  list: {
    columns: ['id', 'file_name', 'file_type', 'file_size_bytes', 'message_id', 'created_at'],
    sort: '-created_at',
    search: ['file_name', 'file_path'],
    time: 'created_at',
  },
})
