import type { Entity } from '../../model/entity.ts'
import { linkOf } from '../../model/field.ts'

/** Names of flags that a reference's second name must leave alone: those of the verbs, and the global ones. */
const TAKEN: ReadonlySet<string> = new Set([
  'after',
  'all',
  'color',
  'confirm',
  'contains',
  'debug',
  'deleted',
  'edit',
  'fields',
  'file',
  'filter',
  'format',
  'from',
  'help',
  'ignore',
  'include',
  'input',
  'json',
  'limit',
  'out',
  'output',
  'profile',
  'purge',
  'query',
  'quiet',
  'reason',
  'rejects',
  'reveal',
  'search',
  'section',
  'set',
  'since',
  'sort',
  'tag',
  'until',
  'url',
  'verbose',
  'version',
  'yes',
])

/** The shorter name of a reference's flag, `--workflow` for `--workflow-id`; undefined where it means something else. */
export function secondName({ fields }: Entity, key: string): string | undefined {
  const field = fields[key]
  if (field === undefined || !linkOf(field) || !key.endsWith('_id')) return undefined
  const short = key.slice(0, -'_id'.length)
  return short === '' || Object.hasOwn(fields, short) || TAKEN.has(short) ? undefined : short
}
