/** What stands on the command line for fields, resolved to raw values: `@file`, `--set`, secrets from files. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CredentialsKey } from '../../config/credentials.ts'
import type { Unsealed } from '../../crud/seal.ts'
import { errorCode, type Problem, wrongInput } from '../../errors.ts'
import { type Entity, keyOf } from '../../model/entity.ts'
import type { Field, Seal } from '../../model/field.ts'
import type { Context, ParsedInput } from '../command.ts'
import { flagOf, givenFields, inputOf, secretFiles } from './field-flags.ts'

/** Names stdin where a file is expected. */
export const STDIN = '-'

/** A value as it was given: text, or a secret on its way to being sealed. */
export type Given = string | Unsealed

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
): Promise<Record<string, Given>> {
  const problems: Problem[] = []
  const input = only ? inputOf(entity, only, given) : given
  const texts: Record<string, Given> = { ...givenFields(entity, input), ...assigned(entity, input.set, problems) }
  for (const [key, value] of Object.entries(texts)) {
    if (entity.fields[key]?.kind !== 'json' || typeof value !== 'string' || !value.startsWith('@')) continue
    const text = await readText(context, value.slice(1), flagOf(entity, key), problems)
    if (text !== undefined) texts[key] = text
  }
  for (const [key, text] of Object.entries(await secretTexts(context, entity, input, problems))) {
    const field = entity.fields[key]
    texts[key] = field ? (await sealerFor(context, field))(text) : text
  }
  refuse(problems)
  return texts
}

/** The secrets that files hold, by field. An editor ends a file with a line break that is no part of the secret. */
async function secretTexts(
  context: Context,
  entity: Entity,
  input: ParsedInput,
  problems: Problem[],
): Promise<Record<string, string>> {
  const texts: Record<string, string> = {}
  const files = Object.entries(secretFiles(entity, input))
  for (const [key, file] of files) {
    const where = flagOf(entity, key)
    if (file === STDIN && files.filter(([, path]) => path === STDIN).length > 1) {
      problems.push({ where, reason: 'names stdin, which another flag names too; it can be read once' })
      continue
    }
    if (file === STDIN && context.stdin.isTTY) {
      problems.push({ where, reason: 'names stdin, which is a terminal and would show it; leave it out to be asked' })
      continue
    }
    const text = await readText(context, file, where, problems)
    if (text !== undefined) texts[key] = text.replace(/\r?\n$/, '')
  }
  return texts
}

/**
 * Makes of a secret what its field takes: one that is sealed travels as a value that shows itself to nobody.
 *
 * @throws UsageError (exit 2) when it needs a key and there is none
 */
export async function sealerFor(context: Context, { sealed }: Field): Promise<(text: string) => Given> {
  if (sealed === undefined) return (text) => text
  const { Unsealed } = await import('../../crud/seal.ts')
  const key = await keyFor(context, sealed)
  return (text) => new Unsealed(sealed, text, key)
}

/**
 * The configured key, where the seal needs one.
 *
 * @throws UsageError (exit 2) when none is configured, or it cannot be read
 */
async function keyFor(context: Context, { by }: Pick<Seal, 'by'>): Promise<CredentialsKey | undefined> {
  if (by !== 'aes-256-gcm') return undefined
  const { credentialsKey } = await import('../../config/credentials.ts')
  const { key, warning } = await credentialsKey(await context.config())
  if (warning !== undefined) context.ui.warn(warning)
  return key
}

/** Field names given to `--clear`, as raw values. @throws UsageError (exit 2) for one that is also set */
export function cleared(
  entity: Entity,
  names: unknown,
  texts: Readonly<Record<string, unknown>>,
): Record<string, null> {
  const keys = Array.isArray(names) ? names.map((name) => keyOf(entity, String(name))) : []
  refuse(
    keys
      .filter((key) => Object.hasOwn(texts, key))
      .map((key) => ({ where: '--clear', reason: `names ${key}, which is also given a value` })),
  )
  return Object.fromEntries(keys.map((key) => [key, null]))
}

/** The whole of stdin. */
async function readStdin(context: Context): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of context.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function assigned(entity: Entity, given: unknown, problems: Problem[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const assignment of Array.isArray(given) ? given.map(String) : []) {
    const at = assignment.indexOf('=')
    const key = keyOf(entity, assignment.slice(0, Math.max(at, 0)))
    if (at < 1) problems.push({ where: '--set', reason: 'must have the form field=value' })
    else if (entity.fields[key]?.secret) {
      problems.push({ where: '--set', reason: `cannot give ${key}, which is secret; use ${flagOf(entity, key)}` })
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
    const bytes = path === STDIN ? await readStdin(context) : await readFile(resolve(context.cwd, path))
    // A secret with a replaced character would be another secret.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    problems.push({ where, reason: `cannot read ${path}: ${reasonOf(error)}` })
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8 text'
  const code = errorCode(error) ?? ''
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
  }
  return words[code] ?? (code || 'unreadable')
}

function refuse(problems: readonly Problem[]): void {
  const hint = 'Fields are given as --field value, --set field=value, or --field @file for JSON'
  if (problems.length > 0) throw wrongInput(problems, hint, 'the input')
}
