/** The versions that a document had, its present one among them (decision 53). Kept by a trigger; read-only. */
import { reaches } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { createdAt, integer, reference, updatedAt, uuidId } from '../../../model/field.ts'
import { versioned } from './document-fields.ts'

export const documentVersion = entity({
  name: 'document-version',
  table: 'context_document_versions',
  summary: 'Versions that documents had',
  primaryKey: 'id',
  fields: {
    id: uuidId('version id'),
    document_id: reference('document', 'id', {
      summary: 'document it is a version of',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'never',
    }),
    version: integer({ summary: 'its number, from 1', settable: 'never' }),
    ...versioned('never'),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_context_document_versions_number', fields: ['document_id', 'version'] }],
  checks: [reaches('chk_context_document_versions_version', 'version', 1)],
  triggers: ['context_document_versions_set_updated_at'],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['id', 'document_id', 'version', 'title', 'tags', 'created_at'],
    sort: '-created_at',
    search: ['title'],
    time: 'created_at',
  },
})
