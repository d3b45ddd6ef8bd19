/**
 * Context documents and the versions each had (systems/agentvine.md, 10; decisions 51, 53). A change of title, type,
 * content or tags makes the next version, whoever makes it; `context_document_versions` holds every one, the present
 * one too.
 */
import { keepTime, keepTimeOf } from '../../keep-time.ts'

/** What a version is made of. */
const CONTENT = ['title', 'document_type', 'content', 'tags'] as const
const changed = CONTENT.map((column) => `OLD.${column} IS DISTINCT FROM NEW.${column}`).join(' OR ')

export const documentTables = (s: string): string[] => [
  // A tsvector holds less than a megabyte (PostgreSQL manual, 12.11), a document may hold more: its first 200,000
  // characters are searched, so that none is refused for its length.
  `CREATE TABLE ${s}.context_documents (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT context_documents_pkey PRIMARY KEY,
  title varchar(255) NOT NULL,
  document_type varchar(50) NOT NULL,
  content text NOT NULL,
  repository_url varchar(500),
  tags varchar(50)[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by uuid CONSTRAINT fk_context_documents_created_by REFERENCES ${s}.users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1,
  deleted_at timestamptz,
  search_vector tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', left(content, 200000)), 'B')
  ) STORED,
  CONSTRAINT chk_context_documents_type
    CHECK (document_type IN ('design', 'plan', 'specification', 'guide', 'reference')),
  CONSTRAINT chk_context_documents_version CHECK (version > 0)
)`,
  `CREATE INDEX idx_context_docs_type ON ${s}.context_documents (document_type)`,
  `CREATE INDEX idx_context_docs_repo ON ${s}.context_documents (repository_url)`,
  `CREATE INDEX idx_context_docs_tags ON ${s}.context_documents USING gin (tags)`,
  `CREATE INDEX idx_context_docs_created_by ON ${s}.context_documents (created_by)`,
  `CREATE INDEX idx_context_docs_search ON ${s}.context_documents USING gin (search_vector)`,
  keepTimeOf(s, 'context_documents', [
    ...CONTENT,
    'repository_url',
    'metadata',
    'created_by',
    'deleted_at',
    'version',
    'created_at',
  ]),

  `CREATE TABLE ${s}.context_document_versions (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT context_document_versions_pkey PRIMARY KEY,
  document_id uuid NOT NULL CONSTRAINT fk_context_document_versions_document
    REFERENCES ${s}.context_documents (id) ON DELETE CASCADE,
  version integer NOT NULL,
  title varchar(255) NOT NULL,
  document_type varchar(50) NOT NULL,
  content text NOT NULL,
  tags varchar(50)[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_context_document_versions_number UNIQUE (document_id, version),
  CONSTRAINT chk_context_document_versions_version CHECK (version > 0)
)`,
  keepTime(s, 'context_document_versions'),

  // The number follows from the change alone. The trigger's name puts it before `context_documents_set_updated_at`.
  `CREATE FUNCTION ${s}.count_document_version() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  NEW.version := OLD.version;
  IF ${changed} THEN
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END
$body$`,
  `CREATE TRIGGER context_documents_count_version
BEFORE UPDATE ON ${s}.context_documents
FOR EACH ROW EXECUTE FUNCTION ${s}.count_document_version()`,
  // Deferred to the end of the transaction: whoever brings a document along with its history inserts that first.
  `CREATE FUNCTION ${s}.keep_document_version() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE format(
    $$INSERT INTO %1$I.context_document_versions (document_id, version, title, document_type, content, tags)
      SELECT $1.id, $1.version, $1.title, $1.document_type, $1.content, $1.tags
      WHERE EXISTS (SELECT FROM %1$I.context_documents WHERE id = $1.id)
      ON CONFLICT (document_id, version) DO NOTHING$$,
    TG_TABLE_SCHEMA)
  USING NEW;
  RETURN NULL;
END
$body$`,
  `CREATE CONSTRAINT TRIGGER context_documents_keep_version
AFTER INSERT OR UPDATE ON ${s}.context_documents
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION ${s}.keep_document_version()`,
]
