/** Trees for people, drawn with guides; however deep, without recursion. */
import type { Tone } from '../model/column.ts'
import { visible, visibleLines } from './escape.ts'
import { ChunkWriter, type Paint, type Stream } from './streams.ts'
import type { Branch, Mark, TreeView } from './view.ts'
import { prepareToMeasure, truncate, widthOf, wrap } from './width.ts'

interface Guides {
  readonly tee: string
  readonly last: string
  readonly through: string
  readonly none: string
}

const UNICODE: Guides = { tee: '├─ ', last: '└─ ', through: '│  ', none: '   ' }
const ASCII: Guides = { tee: '|- ', last: '`- ', through: '|  ', none: '   ' }
const STEP = 3
/** Levels whose guides are drawn in a pipe; on a terminal they take half of its width at most. */
const MOST_LEVELS = 40
/** Below this, a text says nothing any more. */
const NARROWEST = 20
const GAP = '  '
const TONES: Readonly<Record<Tone, keyof Paint>> = { good: 'green', bad: 'red', active: 'yellow', idle: 'dim' }

/** A branch on its way to be printed. */
interface Waiting {
  readonly branch: Branch
  /** What stands before its first line, and before all that is below it. */
  readonly first: readonly string[]
  readonly below: readonly string[]
}

export async function printBranches({ title, roots }: TreeView, stream: Stream): Promise<void> {
  const guides = stream.unicode ? UNICODE : ASCII
  const out = new ChunkWriter(stream)
  if (title !== undefined) out.add(`${stream.paint.bold(visible(title))}\n\n`)
  const stack: Waiting[] = roots.map((branch) => ({ branch, first: [], below: [] })).reverse()
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { branch, first, below } = next
    const count = branch.branches.length
    await prepareToMeasure([branch.text ?? '', ...branch.head.map(({ text }) => text)])
    const lines = [
      drawn(first, stream) + headOf(branch.head, stream, guideWidth(first, stream)),
      ...textLines(branch.text, stream, guideWidth(first, stream)).map(
        (line) => drawn([...below, ...(count > 0 ? [guides.through] : [])], stream) + line,
      ),
    ]
    const full = out.add(lines.map((line) => `${line.trimEnd()}\n`).join(''))
    if (full) await full
    for (let place = count - 1; place >= 0; place--) {
      const child = branch.branches[place]
      if (!child) continue
      const isLast = place === count - 1
      stack.push({
        branch: child,
        first: [...below, isLast ? guides.last : guides.tee].slice(-MOST_LEVELS - 1),
        below: [...below, isLast ? guides.none : guides.through].slice(-MOST_LEVELS - 1),
      })
    }
  }
  await out.flush()
}

/** The guides of a line, those nearest to it where there is no room for all. */
function drawn(cells: readonly string[], stream: Stream): string {
  const most = mostLevels(stream)
  const text =
    cells.length > most ? stream.glyphs.ellipsis.padEnd(STEP) + cells.slice(1 - most).join('') : cells.join('')
  return stream.paint.dim(text)
}

function guideWidth(cells: readonly string[], stream: Stream): number {
  return Math.min(cells.length, mostLevels(stream)) * STEP
}

function mostLevels(stream: Stream): number {
  return stream.isTTY ? Math.max(2, Math.min(MOST_LEVELS, Math.floor(stream.width / 2 / STEP))) : MOST_LEVELS
}

/** The parts of a first line; on a terminal the first of them gives way to the others. */
function headOf(marks: readonly Mark[], stream: Stream, taken: number): string {
  const texts = marks.map(({ text }) => visible(text))
  if (stream.isTTY) {
    const others = texts.slice(1).reduce((sum, text) => sum + GAP.length + widthOf(text), 0)
    const room = Math.max(NARROWEST / 2, stream.width - taken - others)
    texts[0] = truncate(texts[0] ?? '', room, stream.glyphs.ellipsis)
  }
  return marks.map((mark, place) => styleOf(mark, stream.paint)(texts[place] ?? '')).join(GAP)
}

function styleOf({ tone, weight }: Mark, paint: Paint): (text: string) => string {
  if (tone !== undefined) return paint[TONES[tone]]
  return weight === undefined ? (text) => text : paint[weight]
}

/** A text as lines; on a terminal broken to the room there is. */
function textLines(text: string | undefined, stream: Stream, taken: number): string[] {
  if (text === undefined) return []
  const lines = visibleLines(text.replaceAll('\r\n', '\n').trimEnd()).replaceAll('\t', '  ').split('\n')
  if (!stream.isTTY) return lines
  const room = Math.max(NARROWEST, stream.width - taken - STEP)
  return lines.flatMap((line) => wrap(line, room))
}
