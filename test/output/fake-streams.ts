/** Streams that remember what was written: a pipe, and a terminal of a given width. */
import { PassThrough, Writable } from 'node:stream'
import { openStream, type RawStream, type Stream, type StreamOptions } from '../../src/output/streams.ts'

export class Recorder extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** The part of `tty.WriteStream` that spinners and prompts use. */
export class FakeTerminal extends Recorder {
  readonly isTTY = true
  readonly columns: number
  readonly rows = 24
  constructor(columns = 80) {
    super()
    this.columns = columns
  }
  cursorTo(x: number): boolean {
    return this.write(`\x1b[${x + 1}G`)
  }
  moveCursor(_x: number, y: number): boolean {
    return y === 0 || this.write(`\x1b[${Math.abs(y)}${y < 0 ? 'A' : 'B'}`)
  }
  clearLine(): boolean {
    return this.write('\x1b[2K')
  }
}

/** A keyboard: what is written to it arrives as typed. */
export class FakeKeyboard extends PassThrough {
  readonly isTTY = true
  rawMode = false
  setRawMode(on: boolean): this {
    this.rawMode = on
    return this
  }
}

export interface Recorded extends Stream {
  readonly recorder: Recorder
}

function recorded(recorder: Recorder & RawStream, options: Partial<StreamOptions>): Recorded {
  const stream = openStream(recorder, { env: { LANG: 'en_US.UTF-8' }, ...options })
  return Object.create(stream, { recorder: { value: recorder } })
}

export function pipe(options: Partial<StreamOptions> = {}): Recorded {
  return recorded(new Recorder(), options)
}

/** A terminal without colour unless the options' environment forces it. */
export function terminal(columns = 80, options: Partial<StreamOptions> = {}): Recorded {
  return recorded(new FakeTerminal(columns), { noColor: true, ...options })
}
