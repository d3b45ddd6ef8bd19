/** Two texts as a unified diff, line by line. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'

/** Milliseconds for the shortest difference; two long texts with nothing in common would take minutes. */
const TIMEOUT_MS = 3000

/**
 * The unified diff of two texts, one of which has several lines.
 *
 * @param name of the field, in the heading
 * @param earlier what the version before is called, in the heading
 * @param timeout milliseconds after which every line counts as changed
 * @returns null for values that are no texts, or texts of one line
 */
export function diffTexts(
  { name, before, after }: { readonly name: string; readonly before: unknown; readonly after: unknown },
  earlier: string,
  later: string,
  timeout = TIMEOUT_MS,
): string | null {
  if (!isText(before) || !isText(after)) return null
  const [old, present] = [before ?? '', after ?? '']
  if (!old.includes('\n') && !present.includes('\n')) return null
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY }
  const shortest = createTwoFilesPatch(name, name, old, present, earlier, later, { ...options, timeout })
  return shortest ?? replaced(name, old, present, earlier, later)
}

/** Every line removed and every line added: not the shortest, and right all the same. */
function replaced(name: string, old: string, present: string, earlier: string, later: string): string {
  const lines = (text: string, sign: string) => {
    const ends = text.endsWith('\n')
    const parts = (ends ? text.slice(0, -1) : text).split('\n')
    return { count: parts.length, text: parts.map((line) => `${sign}${line}\n`).join('') + (ends ? '' : NO_END) }
  }
  const [removed, added] = [lines(old, '-'), lines(present, '+')]
  const heading = `--- ${name}\t${earlier}\n+++ ${name}\t${later}\n`
  return `${heading}@@ -1,${removed.count} +1,${added.count} @@\n${removed.text}${added.text}`
}

const NO_END = '\\ No newline at end of file\n'

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
