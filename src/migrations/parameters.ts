/** Positional parameters in SQL text: where they are, and the text with something else in their places. */
import { type Sql, sql } from '../model/sql.ts'

/** Strings, quoted names, dollar quotes and comments, in which `$1` is no parameter; then the parameter. */
const TOKENS =
  /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d+)/g

/** A statement as Knex hands it to its driver: `$1` in the text, values beside it. */
export interface PositionalQuery {
  readonly text: string
  readonly values: readonly unknown[]
}

/** The statement as a value of `model/sql.ts`. */
export function toSql({ text, values }: PositionalQuery): Sql {
  if (values.length === 0) return sql([text])
  const strings: string[] = []
  const bound: unknown[] = []
  let from = 0
  for (const match of text.matchAll(TOKENS)) {
    if (match[2] === undefined) continue
    strings.push(text.slice(from, match.index))
    bound.push(values[Number(match[2]) - 1])
    from = match.index + match[0].length
  }
  return sql([...strings, text.slice(from)], ...bound)
}

/** The text with a literal in place of each parameter. */
export function inlined({ text, values }: PositionalQuery, literal: (value: unknown) => string): string {
  if (values.length === 0) return text
  return text.replaceAll(TOKENS, (token: string, _tag: unknown, parameter: string | undefined) =>
    parameter === undefined ? token : literal(values[Number(parameter) - 1]),
  )
}
