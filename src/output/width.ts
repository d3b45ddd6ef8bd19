/** Measuring and fitting text in terminal cells: wide characters take two, combining marks none. */

/**
 * Characters of one cell each: ASCII, Latin, Greek, Cyrillic, dashes and other general punctuation, arrows, lines and
 * blocks. Nearly all text is made of them only.
 */
const SIMPLE =
  /^[\x20-\x7e\xa0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u202f-\u205e\u2190-\u21ff\u2500-\u259f]*$/

let measure: ((text: string) => number) | undefined

/**
 * Loads the exact measure if one of the texts has characters that need it. Loading it takes a third of the time of a
 * short command, so that it is not loaded for those that do not.
 */
export async function prepareToMeasure(texts: Iterable<string>): Promise<void> {
  if (measure) return
  for (const text of texts) {
    if (SIMPLE.test(text)) continue
    measure = (await import('string-width')).default
    return
  }
}

/**
 * Terminal cells that the text takes; control sequences must be escaped before. Texts that were not shown to
 * `prepareToMeasure` may be taken for as wide as they have characters.
 */
export function widthOf(text: string): number {
  if (SIMPLE.test(text)) return text.length
  return measure ? measure(text) : [...text].length
}

let segmenter: Intl.Segmenter | undefined

function* graphemesOf(text: string): Iterable<string> {
  if (SIMPLE.test(text)) return yield* text
  segmenter ??= new Intl.Segmenter()
  for (const { segment } of segmenter.segment(text)) yield segment
}

/**
 * The text cut to a width, ending in the ellipsis where something was cut.
 *
 * @param width in terminal cells, at least that of the ellipsis
 */
export function truncate(text: string, width: number, ellipsis: string): string {
  if (text.length <= width && widthOf(text) <= width) return text
  const room = width - widthOf(ellipsis)
  let used = 0
  let kept = ''
  // A cell never holds more than a few code units a column; looking further would make long texts slow.
  for (const segment of graphemesOf(text.slice(0, width * 32 + 32))) {
    const size = widthOf(segment)
    if (used + size > room) return kept + ellipsis
    kept += segment
    used += size
  }
  return widthOf(text) <= width ? text : kept + ellipsis
}

/** The text with spaces up to a width; a wider one stays as it is. */
export function pad(text: string, width: number, align: 'left' | 'right'): string {
  const missing = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? missing + text : text + missing
}

/** The text broken into lines of at most `width` cells, at spaces where there are any. At least one line. */
export function wrap(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (widthOf(joined) <= width) {
      line = joined
      continue
    }
    if (line !== '') lines.push(line)
    const pieces = slices(word, width)
    line = pieces.pop() ?? ''
    lines.push(...pieces)
  }
  lines.push(line)
  return lines
}

function slices(word: string, width: number): string[] {
  if (widthOf(word) <= width) return [word]
  const pieces: string[] = []
  let piece = ''
  let used = 0
  for (const segment of graphemesOf(word)) {
    const size = widthOf(segment)
    if (used + size > width && piece !== '') {
      pieces.push(piece)
      piece = ''
      used = 0
    }
    piece += segment
    used += size
  }
  pieces.push(piece)
  return pieces
}
