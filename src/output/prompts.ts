/** What @inquirer/prompts needs to draw on one stream: its colours and characters, and a hand off its end. */
import { Writable } from 'node:stream'
import type { RawStream, Stream } from './streams.ts'

/** The stream as a prompt may have it: a prompt ends its output when it is answered, and this one goes on. */
export function promptOutput(raw: RawStream): NodeJS.WritableStream {
  const output = new Writable({
    write(chunk, _encoding, done) {
      raw.write(chunk)
      done()
    },
  })
  return Object.defineProperties(output, {
    isTTY: { value: raw.isTTY },
    columns: { get: () => raw.columns },
  })
}

/** The part of inquirer's theme that Steward sets. */
export function promptTheme({ paint, unicode, glyphs }: Stream) {
  const tip = (keys: readonly (readonly [key: string, action: string])[]) =>
    keys.map(([key, action]) => `${paint.bold(key)} ${paint.dim(action)}`).join(paint.dim(unicode ? ' • ' : ', '))
  return {
    prefix: { idle: paint.cyan('?'), done: paint.green(glyphs.tick) },
    icon: { cursor: unicode ? '❯' : '>' },
    spinner: { interval: 100, frames: [paint.yellow('-')] },
    style: {
      answer: paint.cyan,
      message: (text: string) => paint.bold(text),
      error: (text: string) => paint.red(`> ${text}`),
      defaultAnswer: (text: string) => paint.dim(`(${text})`),
      help: paint.dim,
      highlight: paint.cyan,
      key: (text: string) => paint.bold(`<${text}>`),
      description: paint.dim,
      disabled: paint.dim,
      keysHelpTip: (keys: [key: string, action: string][]) => tip(unicode ? keys : keys.map(spelled)),
    },
  }
}

function spelled([key, action]: readonly [string, string]): [string, string] {
  return [key === '↑↓' ? 'up/down' : key === '⏎' ? 'enter' : key, action]
}
