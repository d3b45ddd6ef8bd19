/**
 * The grammar of `--filter`: `name operator value`, e.g. `file_size_bytes>=1000000`, `status in running,failed`; in JSON
 * with a path, `config.settings.auto_deploy=true`.
 */
import { InvalidValue } from '../errors.ts'

export interface Expression {
  readonly name: string
  /** Members of JSON below the field, outermost first. */
  readonly path: readonly string[]
  readonly operator: '=' | '!=' | '>' | '>=' | '<' | '<=' | '~' | 'in' | 'contains' | 'null' | 'not null'
  /** What stands after the operator, without white space around it. */
  readonly typed: string
  /** The same without the quotes around it. */
  readonly text: string
  /** The same split at commas that are not between quotes, each without its quotes. */
  readonly parts: readonly string[]
}

const NAME = String.raw`([A-Za-z_][A-Za-z0-9_-]*)((?:\.(?:"(?:[^"]|"")+"|[^\s.=!<>~"]+))*)`
const NULL = new RegExp(`^\\s*${NAME}\\s+(?:is\\s+)?(not\\s+)?null\\s*$`, 'i')
const WORD = new RegExp(`^\\s*${NAME}\\s+(in|contains)\\s+(.*)$`, 'is')
const SYMBOL = new RegExp(`^\\s*${NAME}\\s*(!=|>=|<=|=|>|<|~)(.*)$`, 's')

/** @throws InvalidValue when the text is no filter */
export function parseExpression(text: string): Expression {
  const isNull = NULL.exec(text)
  if (isNull?.[1]) return expression(isNull[1], isNull[2], isNull[3] ? 'not null' : 'null', '')
  const word = WORD.exec(text)
  if (word?.[1] && word[3]) {
    return expression(word[1], word[2], word[3].toLowerCase() === 'in' ? 'in' : 'contains', word[4] ?? '')
  }
  const symbol = SYMBOL.exec(text)
  if (symbol?.[1]) return expression(symbol[1], symbol[2], symbolOf(symbol[3]), symbol[4] ?? '')
  throw new InvalidValue(`must be a field, one of = != > >= < <= ~ in contains null, and a value`)
}

function symbolOf(text: string | undefined): Expression['operator'] {
  switch (text) {
    case '=':
    case '!=':
    case '>':
    case '>=':
    case '<':
    case '<=':
      return text
    default:
      return '~'
  }
}

function expression(
  name: string,
  path: string | undefined,
  operator: Expression['operator'],
  rest: string,
): Expression {
  const typed = rest.trim()
  const parts = splitAtCommas(typed).map(unquoted)
  return { name, path: membersOf(path ?? ''), operator, typed, text: unquoted(typed), parts }
}

/** `.settings."auto.deploy"` as its members. */
function membersOf(path: string): string[] {
  return [...path.matchAll(/\.("(?:[^"]|"")+"|[^.]+)/g)].map(([, member = '']) => unquoted(member))
}

/** `"a, b"` and `'a, b'` lose their quotes; a doubled quote inside stands for one. */
function unquoted(text: string): string {
  const quote = text[0]
  if (text.length < 2 || (quote !== '"' && quote !== "'") || !text.endsWith(quote)) return text
  return text.slice(1, -1).replaceAll(quote + quote, quote)
}

/** Quotes count only at the start of a part, so that `it's` needs none. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  const part = /\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^,]*?)\s*(?:,|$)/gy
  while (part.lastIndex <= text.length) {
    const found = part.exec(text)
    if (!found) break
    parts.push(found[1] ?? '')
    if (part.lastIndex === text.length && !found[0].endsWith(',')) break
  }
  return parts
}
