/**
 * Candidates for the word being typed, from the same declarations as the commands: `steward __complete` prints one a
 * line, with its summary after a tab. Touches neither configuration nor database.
 */
import { type Command, type Group, isGroup } from '../commands/command.ts'
import type { Flag, Flags } from '../commands/flags.ts'
import { branches } from './branches.ts'
import { globalFlags } from './globals.ts'
import { longName } from './names.ts'

export interface Candidate {
  readonly word: string
  readonly summary: string
}

/**
 * @param words the words after `steward`, the last one being typed (possibly empty)
 * @returns candidates that start with the last word, in declared order
 */
export async function complete(words: readonly string[]): Promise<Candidate[]> {
  const typing = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  return (await candidates(before, typing)).filter((candidate) => candidate.word.startsWith(typing))
}

async function candidates(before: readonly string[], typing: string): Promise<Candidate[]> {
  const { node, waiting } = await walk(before)
  if (waiting) return wordsOf(waiting)
  if (typing.startsWith('-')) return flagsOf(node)
  if (node === undefined) return branches.map((branch) => ({ word: branch.name, summary: branch.summary }))
  if (isGroup(node))
    return node.commands.filter(visible).map((entry) => ({ word: entry.name, summary: entry.summary }))
  return (await Promise.all(Object.values(node.args).map(wordsOf))).flat()
}

async function wordsOf({ choices, suggest }: Pick<Flag, 'choices' | 'suggest'>): Promise<Candidate[]> {
  const words = choices ?? (await suggest?.()) ?? []
  return words.map((word) => ({ word, summary: '' }))
}

/** Follows the words to the command they name; `waiting` is the flag whose value comes next. */
async function walk(
  words: readonly string[],
): Promise<{ node: Command | Group | undefined; waiting: Flag | undefined }> {
  let node: Command | Group | undefined
  let waiting: Flag | undefined
  for (const word of words) {
    if (waiting) {
      waiting = undefined
    } else if (word.startsWith('-')) {
      const flag = Object.entries(allFlags(node)).find(
        ([key, spec]) => word === longName(key, spec) || word === `-${spec.short}`,
      )
      waiting = flag?.[1].metavar === undefined ? undefined : flag[1]
    } else if (node === undefined) {
      node = await branches.find((branch) => branch.name === word)?.load()
    } else if (isGroup(node)) {
      node = node.commands.find((entry) => entry.name === word || entry.aliases?.includes(word)) ?? node
    }
  }
  return { node, waiting }
}

function allFlags(node: Command | Group | undefined): Flags {
  return node && !isGroup(node) ? { ...globalFlags, ...node.flags } : globalFlags
}

function flagsOf(node: Command | Group | undefined): Candidate[] {
  return Object.entries(allFlags(node))
    .filter(([, flag]) => !flag.hidden)
    .map(([key, flag]) => ({ word: longName(key, flag), summary: flag.summary }))
}

function visible(entry: Command | Group): boolean {
  return !('hidden' in entry && entry.hidden)
}
