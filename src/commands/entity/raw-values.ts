/** What stands on the command line for fields, resolved to raw values: `@file`, `--set`, secrets from files. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Problem, UsageError } from '../../errors.ts'
import { type Entity, keyOf } from '../../model/entity.ts'
import type { Context, ParsedInput } from '../command.ts'
import { givenFields, secretFiles } from './field-flags.ts'

/** Names stdin where a file is expected. */
export const STDIN = '-'

/**
 * The raw texts of the fields that flags, `--set` and files give; `--set` wins over the flag of the same field.
 *
 * @param only read the flags of these fields and no others: the rest may be filters
 * @throws UsageError (exit 2) for a malformed `--set` or a file that cannot be read
 */
export async function rawTexts(
  context: Context,
  entity: Entity,
  given: ParsedInput,
  only?: readonly string[],
): Promise<Record<string, string>> {
  const problems: Problem[] = []
  const input = only ? Object.fromEntries(only.flatMap((key) => inputsOf(key, given))) : given
  const texts: Record<string, string> = { ...givenFields(entity, input), ...assigned(entity, input.set, problems) }
  for (const [key, value] of Object.entries(texts)) {
    if (entity.fields[key]?.kind !== 'json' || !value.startsWith('@')) continue
    const text = await readText(context, value.slice(1), flagOf(key), problems)
    if (text !== undefined) texts[key] = text
  }
  for (const [key, file] of Object.entries(secretFiles(entity, input))) {
    const text = await readText(context, file, `${flagOf(key)}-file`, problems)
    // An editor ends the file with a line break that is no part of the secret.
    if (text !== undefined) texts[key] = text.replace(/\r?\n$/, '')
  }
  refuse(problems)
  return texts
}

/** Field names given to `--clear`, as raw values. @throws UsageError (exit 2) for one that is also set */
export function cleared(
  entity: Entity,
  names: unknown,
  texts: Readonly<Record<string, string>>,
): Record<string, null> {
  const keys = Array.isArray(names) ? names.map((name) => keyOf(entity, String(name))) : []
  refuse(
    keys
      .filter((key) => Object.hasOwn(texts, key))
      .map((key) => ({ where: '--clear', reason: `names ${key}, which is also given a value` })),
  )
  return Object.fromEntries(keys.map((key) => [key, null]))
}

/** The whole of stdin as text. */
async function readStdin(context: Context): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of context.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function inputsOf(key: string, given: ParsedInput): [string, unknown][] {
  return [key, `${key}_file`].map((name) => [name, given[name]])
}

function assigned(entity: Entity, given: unknown, problems: Problem[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const assignment of Array.isArray(given) ? given.map(String) : []) {
    const at = assignment.indexOf('=')
    const key = keyOf(entity, assignment.slice(0, Math.max(at, 0)))
    if (at < 1) problems.push({ where: '--set', reason: 'must have the form field=value' })
    else if (entity.fields[key]?.secret) {
      problems.push({ where: '--set', reason: `cannot give ${key}, which is secret; use ${flagOf(key)}-file` })
    } else texts[key] = assignment.slice(at + 1)
  }
  return texts
}

async function readText(
  context: Context,
  path: string,
  where: string,
  problems: Problem[],
): Promise<string | undefined> {
  try {
    return path === STDIN ? await readStdin(context) : await readFile(resolve(context.cwd, path), 'utf8')
  } catch (error) {
    problems.push({ where, reason: `cannot read ${path}: ${reasonOf(error)}` })
    return undefined
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
  }
  return words[code] ?? (code || 'unreadable')
}

function flagOf(key: string): string {
  return `--${key.replaceAll('_', '-')}`
}

function refuse(problems: readonly Problem[]): void {
  const [first] = problems
  if (!first) return
  throw new UsageError({
    code: 'invalid-input',
    message: problems.length === 1 ? `${first.where} ${first.reason}` : `${problems.length} problems with the input`,
    hint: 'Fields are given as --field value, --set field=value, or --field @file for JSON',
    problems: problems.length === 1 ? [] : problems,
  })
}
