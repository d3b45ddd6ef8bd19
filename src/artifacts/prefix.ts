/**
 * Prefixes made of a row's fields (`users/{user_id}/tasks/{task_id}/inputs/`, decision 45). What is in the row is not
 * trusted: a slash, a dot or nothing at all in a field would reach the files of others.
 */
import type { Store } from '../storage/store.ts'

/** Ids as the platform makes them: digits, ULIDs, UUIDs. */
const VALUE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/
const FIELD = /\{([a-z_][a-z0-9_]*)\}/g

/** Fields that a template names, each once, in its order. */
export function fieldsOf(template: string): string[] {
  return [...new Set([...template.matchAll(FIELD)].map(([, field]) => field ?? ''))]
}

/**
 * The prefix for a row, or why there is none.
 *
 * @param values by field, as text; null where the row has none
 */
export function fillPrefix(
  template: string,
  values: Readonly<Record<string, string | null>>,
): { readonly prefix: string } | { readonly refused: string } {
  // A template that does not end a folder would take its neighbours along.
  if (!template.endsWith('/') || template.startsWith('/')) return { refused: 'the prefix of the rule is no folder' }
  for (const field of fieldsOf(template)) {
    const value = values[field] ?? ''
    if (!VALUE.test(value)) {
      const what = value === '' ? 'is empty' : 'has characters that no id has'
      return { refused: `refused: its ${field} ${what}, so the prefix could reach the files of others` }
    }
  }
  return { prefix: template.replaceAll(FIELD, (_, field: string) => values[field] ?? '') }
}

/** What of a template is the same for every row: `users/`. */
export function constantPart(template: string): string {
  return template.slice(0, template.indexOf('{')).replace(/[^/]*$/, '')
}

/** A path below a store, as one of a layout: the values of the fields. */
export interface Layout {
  /** Up to the last field's folder: what comes below belongs to the row, whatever it is called. */
  readonly pattern: RegExp
  readonly fields: readonly string[]
}

export function layoutOf(template: string): Layout {
  const last = template.lastIndexOf('}')
  const folder = template.slice(0, template.indexOf('/', last) + 1)
  const escaped = folder
    .split(/(\{[a-z_][a-z0-9_]*\})/)
    .map((part) => (part.startsWith('{') ? '([^/]+)' : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')))
    .join('')
  return {
    pattern: new RegExp(`^${escaped}.`, 's'),
    fields: [...folder.matchAll(FIELD)].map(([, field]) => field ?? ''),
  }
}

/** The store that holds a system's files by prefix. */
export type Choice = { readonly store: Store; readonly named: boolean } | { readonly refused: string }

/**
 * The store named after the system, else the only one besides that of cold files. Several and no word which is refused:
 * an empty listing of the wrong store would pass for clean.
 *
 * @param cold name of the store of cold files
 */
export function chooseStore(all: readonly Store[], system: string, cold: string | undefined): Choice {
  const own = all.find(({ name }) => name === system)
  if (own !== undefined) return { store: own, named: true }
  const others = all.length === 1 ? all : all.filter(({ name }) => name !== cold)
  const [only] = others
  if (only === undefined) return { refused: 'none is configured' }
  if (others.length === 1) return { store: only, named: false }
  return { refused: `of several, none is called ${system}` }
}

/**
 * The store that a rule's files are in, or why there is none to look in: a store that is not named for the system and
 * holds nothing where its files would be is taken for another's.
 *
 * @throws what the store throws when it cannot be listed
 */
export async function storeOfPrefix(choice: Choice, system: string, template: string): Promise<Choice> {
  const refused = 'refused' in choice ? choice.refused : await wrongStore(choice, constantPart(template))
  if (refused === undefined) return choice
  return {
    refused: `no store for ${system}'s files (${refused}): name one ${system} under stores, or switch the rule off`,
  }
}

async function wrongStore(
  { store, named }: Extract<Choice, { store: Store }>,
  below: string,
): Promise<string | undefined> {
  if (named) return undefined
  for await (const _ of store.list(below)) return undefined
  return `${store.name} holds nothing below ${below === '' ? 'its root' : below}`
}
