/**
 * Chat (systems/agentvine.md, 8 and 9; decisions 50, 53). Messages outlive who sent them: `sender_id` is no foreign
 * key, and a trigger checks it when it is written. A message that starts a conversation gets its id from the default.
 */
import { keepTime } from '../../keep-time.ts'

export const chatTables = (s: string): string[] => [
  `CREATE TABLE ${s}.chat_messages (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT chat_messages_pkey PRIMARY KEY,
  conversation_id uuid NOT NULL DEFAULT gen_random_uuid(),
  sender_type varchar(10) NOT NULL,
  sender_id uuid,
  message text NOT NULL,
  message_type varchar(20) NOT NULL DEFAULT 'text',
  metadata jsonb NOT NULL DEFAULT '{}',
  parent_message_id uuid
    CONSTRAINT fk_chat_messages_parent_message REFERENCES ${s}.chat_messages (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  edited_at timestamptz,
  CONSTRAINT chk_chat_messages_sender_type CHECK (sender_type IN ('user', 'worker', 'system', 'controller')),
  CONSTRAINT chk_chat_messages_type CHECK (message_type IN ('text', 'question', 'response', 'status', 'error')),
  CONSTRAINT chk_chat_messages_sender CHECK ((sender_type IN ('user', 'worker')) = (sender_id IS NOT NULL)),
  CONSTRAINT chk_chat_messages_parent CHECK (parent_message_id <> id)
)`,
  `CREATE INDEX idx_chat_messages_conversation ON ${s}.chat_messages (conversation_id)`,
  `CREATE INDEX idx_chat_messages_sender ON ${s}.chat_messages (sender_type, sender_id)`,
  `CREATE INDEX idx_chat_messages_created ON ${s}.chat_messages (created_at)`,
  `CREATE INDEX idx_chat_messages_parent ON ${s}.chat_messages (parent_message_id)`,
  keepTime(s, 'chat_messages'),

  // The sender is locked as a foreign key would lock it, so that none goes while its message comes. A deleted user
  // sends nothing any more; what was sent before stays right.
  `CREATE FUNCTION ${s}.check_sender() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  found_it boolean;
BEGIN
  EXECUTE format(
    CASE NEW.sender_type
      WHEN 'user' THEN
        'SELECT true FROM %I.users WHERE id = $1 AND (deleted_at IS NULL OR deleted_at > $2) FOR KEY SHARE'
      ELSE 'SELECT true FROM %I.workers WHERE id = $1 FOR KEY SHARE'
    END,
    TG_TABLE_SCHEMA)
  INTO found_it
  USING NEW.sender_id, NEW.created_at;
  IF found_it IS NULL THEN
    RAISE foreign_key_violation USING
      MESSAGE = format('there is no such %s to send a message', NEW.sender_type),
      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'sender_id', CONSTRAINT = 'chat_messages_check_sender';
  END IF;
  RETURN NEW;
END
$body$`,
  `CREATE TRIGGER chat_messages_check_sender
BEFORE INSERT OR UPDATE OF sender_type, sender_id ON ${s}.chat_messages
FOR EACH ROW WHEN (NEW.sender_type IN ('user', 'worker') AND NEW.sender_id IS NOT NULL)
EXECUTE FUNCTION ${s}.check_sender()`,

  `CREATE TABLE ${s}.chat_attachments (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT chat_attachments_pkey PRIMARY KEY,
  message_id uuid NOT NULL
    CONSTRAINT fk_chat_attachments_message REFERENCES ${s}.chat_messages (id) ON DELETE CASCADE,
  file_name varchar(255) NOT NULL,
  file_path varchar(500) NOT NULL,
  file_type varchar(50),
  file_size_bytes bigint,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_chat_attachments_size CHECK (file_size_bytes >= 0)
)`,
  `CREATE INDEX idx_chat_attachments_message ON ${s}.chat_attachments (message_id)`,
  keepTime(s, 'chat_attachments'),
]
