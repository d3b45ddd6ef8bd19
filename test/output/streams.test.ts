import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { openStream, ReaderGone } from '../../src/output/streams.ts'
import { FakeTerminal, pipe, Recorder, terminal } from './fake-streams.ts'
import { list, rows, shownBy } from './sample.ts'

describe('colour', () => {
  const cases: [string, boolean, Record<string, string>, boolean, boolean][] = [
    ['a terminal has it', true, { TERM: 'xterm' }, false, true],
    ['a pipe has none', false, { TERM: 'xterm' }, false, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false, false],
    ['an empty NO_COLOR says nothing', true, { NO_COLOR: '' }, false, true],
    ['TERM=dumb', true, { TERM: 'dumb' }, false, false],
    ['FORCE_COLOR in a pipe', false, { FORCE_COLOR: '1' }, false, true],
    ['FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false, false],
    ['FORCE_COLOR over NO_COLOR', false, { FORCE_COLOR: '', NO_COLOR: '1' }, false, true],
    ['--no-color over all', true, { FORCE_COLOR: '3' }, true, false],
  ]
  it.each(cases)('%s', (_, isTTY, env, noColor, expected) => {
    const stream = openStream(isTTY ? new FakeTerminal() : new Recorder(), { env, noColor })
    expect(stream.hasColor).toBe(expected)
    expect(stream.paint.red('x') !== 'x').toBe(expected)
  })

  it('is decided for each stream by itself', () => {
    expect([terminal(80, { noColor: false }).hasColor, pipe().hasColor]).toEqual([true, false])
  })
})

describe('characters', () => {
  const cases: [Record<string, string>, NodeJS.Platform, boolean][] = [
    [{ LANG: 'de_DE.UTF-8' }, 'linux', true],
    [{}, 'linux', true],
    [{ LC_ALL: 'C', LANG: 'de_DE.UTF-8' }, 'linux', false],
    [{ LC_ALL: '', LC_CTYPE: 'C.utf8', LANG: 'C' }, 'linux', true],
    [{ LANG: 'en_US.ISO-8859-1' }, 'linux', false],
    [{ LANG: 'en_US.UTF-8', TERM: 'linux' }, 'linux', false],
    [{ LANG: 'en_US.UTF-8', TERM: 'dumb' }, 'linux', false],
    [{}, 'win32', false],
    [{ WT_SESSION: 'x' }, 'win32', true],
  ]
  it.each(cases)('%j on %s', (env, platform, expected) => {
    expect(openStream(new Recorder(), { env, platform }).unicode).toBe(expected)
  })
})

it('takes its width from the terminal, then COLUMNS, then 80', () => {
  expect(terminal(132).width).toBe(132)
  expect(pipe({ env: { COLUMNS: '100' } }).width).toBe(100)
  expect(pipe({ env: { COLUMNS: 'wide' } }).width).toBe(80)
})

/** Takes a number of chunks, then fails as a closed pipe (or a full disk) does. */
class Failing extends Writable {
  readonly #code: string
  taken = 0
  readonly #takes: number
  constructor(code: string, takes: number) {
    super()
    this.#code = code
    this.#takes = takes
  }
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    if (this.taken++ < this.#takes) done()
    else done(Object.assign(new Error(`write ${this.#code}`), { code: this.#code }))
  }
}

describe('a reader that goes away', () => {
  it.each(['ndjson', 'table', 'json', 'csv', 'md', 'yaml'] as const)(
    'ends %s without an error, and the rows with it',
    async (format) => {
      let asked = 0
      let closed = false
      async function* endless() {
        try {
          for (;;) {
            asked++
            yield rows[0] ?? {}
          }
        } finally {
          closed = true
        }
      }
      const raw = new Failing('EPIPE', 1)
      const stdout = Object.create(openStream(raw, { env: {} }), { recorder: { value: new Recorder() } })
      const { err } = await shownBy({ ...list, rows: endless(), more: () => 'more' }, { format, stdout })
      expect(closed).toBe(true)
      expect(asked).toBeLessThan(5000)
      expect(err).toBe('')
    },
  )

  it('is told to whoever writes', async () => {
    const stream = openStream(new Failing('EPIPE', 0), { env: {} })
    await expect(stream.write('x')).rejects.toBeInstanceOf(ReaderGone)
    await expect(stream.write('x')).rejects.toBeInstanceOf(ReaderGone)
    expect(() => stream.say('x')).not.toThrow()
  })
})

it('reports a disk that is full as a failed operation', async () => {
  const stream = openStream(new Failing('ENOSPC', 0), { env: {} })
  await expect(stream.write('x')).rejects.toMatchObject({
    exitCode: 6,
    code: 'output-failed',
    hint: 'The disk is full',
  })
})

describe('rows by the hundred thousand to a slow reader', () => {
  it.each([
    ['ndjson', 200_000],
    ['json', 200_000],
    ['csv', 200_000],
    ['table', 20_000],
  ] as const)('are not piled up as %s', async (format, count) => {
    let made = 0
    let most = 0
    let lines = 0
    async function* many() {
      for (; made < count; made++) yield { id: `tsk_${made}`, n: BigInt(made) }
    }
    const slow = new Writable({
      highWaterMark: 1024,
      write(chunk: Buffer, _encoding, done) {
        const text = chunk.toString()
        lines += text.split('\n').length - 1
        most = Math.max(most, slow.writableLength)
        setImmediate(done)
      },
    })
    const stdout = Object.create(openStream(slow, { env: {} }), { recorder: { value: new Recorder() } })
    const columns = [
      { key: 'id', kind: 'text' },
      { key: 'n', kind: 'bigint' },
    ] as const
    await shownBy({ shape: 'table', columns, rows: many() }, { format, stdout })
    expect(lines).toBeGreaterThanOrEqual(count)
    expect(most).toBeLessThan(200_000)
  })
})
