/** `document versions` and `document diff` (decision 53). */
import type { VersionsOperation } from '../../../model/operation.ts'

const kept = {
  kind: 'versions',
  entity: 'document-version',
  via: 'document_id',
  number: 'version',
  compares: ['title', 'document_type', 'tags', 'content'],
} as const

export const versions: VersionsOperation = {
  ...kept,
  name: 'versions',
  summary: 'List the versions that the document had',
  shows: 'list',
}

export const difference: VersionsOperation = {
  ...kept,
  name: 'diff',
  summary: 'Show how two versions of the document differ',
  shows: 'difference',
}
