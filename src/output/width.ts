/** Measuring and fitting text in terminal cells: wide characters take two, combining marks none. */
import stringWidth from 'string-width'

/** Columns that the text takes on a terminal; control sequences must be escaped before. */
export function widthOf(text: string): number {
  return stringWidth(text)
}

const graphemes = new Intl.Segmenter()

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
  for (const { segment } of graphemes.segment(text.slice(0, width * 32 + 32))) {
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
  for (const { segment } of graphemes.segment(word)) {
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
