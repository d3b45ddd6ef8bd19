/** Reading one configuration file: every problem in it at once, each with its line. */

import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Problem } from '../errors.ts'
import { errorCode } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import { isReadableByOthers } from './passwords.ts'
import { type FileSettings, file as fileSchema, keysAt, type ProfileSettings, STORE_FORMS } from './schema.ts'

export interface ConfigFile {
  readonly path: string
  /** Name of the profile it asks for when none is named. */
  readonly profile?: string
  readonly profiles: Readonly<Record<string, ProfileSettings>>
  /** True when others than the owner may read it. */
  readonly readableByOthers: boolean
  /** Line of the value at a path, counted from 1. */
  lineOf(path: readonly PropertyKey[]): number | undefined
}

/** A file that was read, with what is wrong in it; undefined when there is none at the path. */
export type ReadFile = { readonly file?: ConfigFile; readonly problems: readonly Problem[] } | undefined

/** @param path absolute */
export async function readConfigFile(path: string, platform: NodeJS.Platform): Promise<ReadFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const absent = ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')
    return absent ? undefined : { problems: [{ where: path, reason: 'cannot be read' }] }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      where: path,
      line: lines.linePos(error.pos[0]).line,
      // The parser's further lines quote the text, which may hold a password.
      reason: `is not valid YAML: ${error.message.split('\n', 1)[0]}`,
    }))
    return { problems }
  }
  const parsed = fileSchema.safeParse(document.toJS() ?? {})
  const lineOf = (at: readonly PropertyKey[]) => lineAt(document, lines, at)
  if (!parsed.success) return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, path, lineOf)) }
  const settings: FileSettings = parsed.data
  return {
    file: {
      path,
      ...(settings.profile === undefined ? {} : { profile: settings.profile }),
      profiles: settings.profiles ?? {},
      readableByOthers: await isReadableByOthers(path, platform),
      lineOf,
    },
    problems: [],
  }
}

interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
  /** Issues of each form that a value may have, where it has several. */
  readonly errors?: readonly (readonly Issue[])[] | undefined
}

function problemsOf(issue: Issue, path: string, lineOf: ConfigFile['lineOf']): Problem[] {
  // The form that got furthest is the one that was meant.
  const meant = issue.errors?.find((issues) =>
    issues.every((each) => each.code !== 'invalid_type' || each.path.length > 0),
  )
  if (issue.code === 'invalid_union' && issue.message === STORE_FORMS && meant !== undefined) {
    return meant.flatMap((each) => problemsOf({ ...each, path: [...issue.path, ...each.path] }, path, lineOf))
  }
  const problem = (at: readonly PropertyKey[], reason: string): Problem => {
    const line = lineOf(at)
    return { where: `${path} ${at.map(String).join('.')}`.trim(), ...(line === undefined ? {} : { line }), reason }
  }
  if (issue.code !== 'unrecognized_keys') return [problem(issue.path, issue.message)]
  return (issue.keys ?? []).map((key) => problem([...issue.path, key], unknownKey(key, issue.path)))
}

function unknownKey(key: string, path: readonly PropertyKey[]): string {
  if (/^(password|pass|pwd)$/i.test(key)) {
    return 'must not stand in this file; name a passwordFile, or add a line to ~/.pgpass'
  }
  const known = keysAt(path)
  const near =
    known.find((name) => name.toLowerCase() === key.replaceAll(/[_-]/g, '').toLowerCase()) ?? nearest(key, known)
  return `is not a setting${near === undefined ? '' : ` (did you mean ${near}?)`}`
}

/** Line of the key where there is one (an unknown key has no value worth pointing at), else of what it should be in. */
function lineAt(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  const parent: unknown = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  const pair = isMap(parent)
    ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last))
    : undefined
  if (pair === undefined && path.length > 1) return lineAt(document, lines, path.slice(0, -1))
  const node: unknown = pair?.key ?? document.contents
  const start = isNode(node) ? node.range?.[0] : undefined
  return start === undefined ? undefined : lines.linePos(start).line
}
