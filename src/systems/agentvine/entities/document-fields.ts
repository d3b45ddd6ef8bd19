/** What a document and each of its versions hold. */
import { oneOf, text, varchar, varcharArray } from '../../../model/field.ts'
import { notBlank } from '../../../model/rule.ts'
import { tagList } from '../rules.ts'

export const DOCUMENT_TYPES = ['design', 'plan', 'specification', 'guide', 'reference'] as const

export const versioned = <const S extends 'always' | 'never'>(settable: S) => ({
  title: varchar(255, { summary: 'what it is called', settable, rules: [notBlank] }),
  document_type: oneOf(DOCUMENT_TYPES, { summary: 'what kind of document', limit: 50, settable }),
  content: text({ summary: 'the document, Markdown', settable }),
  tags: varcharArray(50, {
    summary: 'words to find it by',
    settable,
    rules: [tagList],
    ...(settable === 'always' ? { default: "'{}'::character varying[]" } : {}),
  }),
})
