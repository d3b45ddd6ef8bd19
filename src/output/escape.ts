/**
 * Text from a database, made harmless to a terminal: whatever would move the cursor, colour, ring, reorder or hide
 * other text is written as an escape instead. Emoji joiners and variation selectors stay, they only shape one glyph.
 */

/**
 * C0, DEL and C1 (0x9b alone begins a control sequence), bidirectional marks, embeddings, overrides and isolates,
 * line and paragraph separators, invisible characters that make two texts look alike, and unpaired surrogates.
 */
const UNSAFE =
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/u
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'gu')

const NAMED: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
  '\x1b': '\\e',
}

/** The text on one line, every unsafe character shown as an escape: `\n`, `\e`, `\x9b`, `\u202e`. */
export function visible(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escaped) : text
}

/** As `visible`, but line breaks and tabs stay: for text that has lines of its own. */
export function visibleLines(text: string): string {
  return UNSAFE.test(text)
    ? text.replace(UNSAFE_ALL, (character) =>
        character === '\n' || character === '\t' ? character : escaped(character),
      )
    : text
}

/** A JSON string literal without any raw unsafe character, for JSON and for YAML's double quotes. */
export function quoted(text: string): string {
  const literal = JSON.stringify(text)
  return UNSAFE.test(literal) ? literal.replace(UNSAFE_ALL, unicodeEscapes) : literal
}

/** Whether the text has a character that `visible` would escape. */
export function isUnsafe(text: string): boolean {
  return UNSAFE.test(text)
}

function escaped(character: string): string {
  const named = NAMED[character]
  if (named !== undefined) return named
  const code = character.codePointAt(0) ?? 0
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

function unicodeEscapes(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')
}
