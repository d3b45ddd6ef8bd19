/**
 * What each stream can do, asked by itself: stdout may be a pipe while stderr is a terminal. Works on whatever
 * streams it is handed, never on those of the process.
 */
import { Chalk, type ChalkInstance } from 'chalk'
import { OperationError } from '../errors.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** A writable as Node has them, with what a terminal adds. */
export type RawStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly fd?: number
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Colours of one stream; each returns its text unchanged where there is no colour. */
export type Paint = Readonly<Record<Style, (text: string) => string>>

/** The marks that Steward draws with, by what the terminal's character set has. */
export interface Glyphs {
  readonly ellipsis: string
  readonly none: string
  readonly bullet: string
  readonly tick: string
}

export interface Stream {
  readonly raw: RawStream
  readonly isTTY: boolean
  /** Terminal cells a line; read anew each time, since windows are resized. */
  readonly width: number
  readonly hasColor: boolean
  readonly paint: Paint
  /** Whether box, block and punctuation characters beyond ASCII can be shown. */
  readonly unicode: boolean
  readonly glyphs: Glyphs
  /** A terminal that understands cursor movement. */
  readonly canAnimate: boolean
  /**
   * Writes and waits until the stream has taken it, so that a slow reader slows us down.
   *
   * @throws ReaderGone when the reading end was closed, OperationError when writing fails otherwise
   */
  write(chunk: string | Uint8Array): Promise<void>
  /** Writes a line without waiting: for talk. A closed stream swallows it. */
  say(line: string): void
}

/** The reader closed its end (`| head`). Ends the rendering; never an error to anyone. */
export class ReaderGone extends Error {}

export interface StreamOptions {
  readonly env: Env
  /** `--no-color`. */
  readonly noColor?: boolean
  readonly platform?: NodeJS.Platform
}

/** Wraps a stream; the wrapped one no longer raises an unhandled error when its reader goes away. */
export function openStream(raw: RawStream, { env, noColor = false, platform = 'linux' }: StreamOptions): Stream {
  let failure: Error | undefined
  raw.on('error', (error: Error) => {
    failure ??= error
  })
  const isTTY = raw.isTTY === true
  const level = colorLevel(isTTY, env, noColor)
  const unicode = hasUnicode(env, platform)
  return {
    raw,
    isTTY,
    get width() {
      return widthOfStream(raw, env)
    },
    hasColor: level > 0,
    paint: level > 0 ? paintWith(new Chalk({ level })) : PLAIN,
    unicode,
    glyphs: unicode ? UNICODE_GLYPHS : ASCII_GLYPHS,
    canAnimate: isTTY && env.TERM !== 'dumb',
    async write(chunk) {
      if (chunk.length === 0) return
      if (failure) throw writeFailure(failure)
      await new Promise<void>((resolve, reject) => {
        // The callback comes once the chunk is out, which is at the latest when 'drain' would come.
        raw.write(chunk, (error) => (error ? reject(writeFailure(error)) : resolve()))
      })
    },
    say(line) {
      if (!failure) raw.write(`${line}\n`, () => {})
    },
  }
}

const UNICODE_GLYPHS: Glyphs = { ellipsis: '…', none: '–', bullet: '•', tick: '✔' }
const ASCII_GLYPHS: Glyphs = { ellipsis: '~', none: '-', bullet: '-', tick: '*' }

const same = (text: string) => text
const PLAIN: Paint = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/** One argument each: chalk itself joins all it is given, as by `map`. */
function paintWith(chalk: ChalkInstance): Paint {
  return {
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    red: (text) => chalk.red(text),
    green: (text) => chalk.green(text),
    yellow: (text) => chalk.yellow(text),
    cyan: (text) => chalk.cyan(text),
  }
}

/** Codes of a reader that went away: a closed pipe, a closed socket, our own end already destroyed after either. */
const GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'])

/** What a failed write means: `ReaderGone`, which is no error to anyone, or an OperationError. */
export function writeFailure(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (GONE.has(code)) return new ReaderGone()
  return new OperationError({
    code: 'output-failed',
    message: code === '' ? 'The output could not be written' : `The output could not be written (${code})`,
    hint: code === 'ENOSPC' ? 'The disk is full' : 'Check where the output goes',
    cause: error,
  })
}

function widthOfStream(raw: RawStream, env: Env): number {
  const columns = raw.columns || Number(env.COLUMNS)
  // Some terminals say 0 before they know; nothing reads well below 20.
  return Number.isInteger(columns) && columns > 0 ? Math.max(20, columns) : 80
}

/**
 * Colours: `--no-color`, then FORCE_COLOR (force-color.org), then NO_COLOR (no-color.org), then the terminal.
 *
 * @returns a level of chalk: 0 none, 1 sixteen colours, 2 256 colours, 3 all
 */
function colorLevel(isTTY: boolean, env: Env, noColor: boolean): 0 | 1 | 2 | 3 {
  if (noColor) return 0
  const forced = env.FORCE_COLOR
  if (forced !== undefined) {
    if (forced === '0' || forced === 'false') return 0
    return forced === '2' ? 2 : forced === '3' ? 3 : 1
  }
  if ((env.NO_COLOR ?? '') !== '' || !isTTY || env.TERM === 'dumb') return 0
  if (env.COLORTERM === 'truecolor' || env.COLORTERM === '24bit' || env.WT_SESSION) return 3
  return env.TERM?.endsWith('256color') ? 2 : 1
}

/**
 * Whether characters beyond ASCII can be shown. The locale decides as POSIX has it (LC_ALL, LC_CTYPE, LANG, the first
 * that is not empty), except that none at all, as in containers and cron, counts as UTF-8.
 */
function hasUnicode(env: Env, platform: NodeJS.Platform): boolean {
  if (env.TERM === 'linux' || env.TERM === 'dumb') return false
  if (platform === 'win32') return Boolean(env.WT_SESSION || env.TERM_PROGRAM === 'vscode' || env.TERM)
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '')
  return locale === undefined || /utf-?8/i.test(locale)
}

/** Collects small pieces into chunks of about 64 KiB: a write for every row would cost more than the row. */
export class ChunkWriter {
  #pieces: string[] = []
  #length = 0
  readonly #stream: Stream

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /** @returns a promise only when a chunk is full and goes out; await it before adding more */
  add(text: string): Promise<void> | undefined {
    this.#pieces.push(text)
    this.#length += text.length
    return this.#length >= 65_536 ? this.flush() : undefined
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return
    const chunk = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    await this.#stream.write(chunk)
  }
}
