/**
 * Context documents (systems/agentvine.md, 10; decisions 51, 53). A change of title, type, content or tags makes the
 * next version, whoever makes it: a trigger counts, and keeps every version.
 */
import { reaches } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, integer, json, reference, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { httpUrl, jsonObject } from '../../../model/rule.ts'
import { difference, versions } from '../operations/versions.ts'
import { DOCUMENT_TYPES, versioned } from './document-fields.ts'

export const document = entity({
  name: 'document',
  aliases: ['context-document'],
  table: 'context_documents',
  summary: 'What workers may have to know',
  primaryKey: 'id',
  fields: {
    id: uuidId('document id'),
    ...versioned('always'),
    repository_url: varchar(500, { summary: 'repository it is about', nullable: true, rules: [httpUrl] }),
    metadata: json({ summary: 'further facts', default: "'{}'::jsonb", rules: [jsonObject] }),
    created_by: reference('user', 'id', {
      summary: 'user who wrote it',
      kind: 'uuid',
      onDelete: 'set null',
      nullable: true,
      settable: 'create',
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    version: integer({ summary: 'number of its present version', default: '1', settable: 'never' }),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  checks: [
    legalValues('chk_context_documents_type', 'document_type', DOCUMENT_TYPES, 'varchar'),
    reaches('chk_context_documents_version', 'version', 1),
  ],
  indexes: [
    { name: 'idx_context_docs_type', on: ['document_type'] },
    { name: 'idx_context_docs_repo', on: ['repository_url'] },
    { name: 'idx_context_docs_tags', on: ['tags'], method: 'gin' },
    { name: 'idx_context_docs_created_by', on: ['created_by'] },
    { name: 'idx_context_docs_search', on: ['search_vector'], method: 'gin' },
  ],
  triggers: ['context_documents_count_version', 'context_documents_keep_version', 'context_documents_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [versions, difference],
  softDelete: { field: 'deleted_at' },
  fullText: {
    column: 'search_vector',
    configuration: 'english',
    generated: `(setweight(to_tsvector('english'::regconfig, (title)::text), 'A'::"char") || setweight(to_tsvector('english'::regconfig, "left"(content, 200000)), 'B'::"char"))`,
  },
  list: {
    columns: ['id', 'title', 'document_type', 'tags', 'version', 'updated_at'],
    sort: '-created_at',
    search: ['title', 'content'],
    time: 'created_at',
    tags: 'tags',
  },
})
