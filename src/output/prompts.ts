/** The look of @inquirer/prompts in the colours and characters of one stream, not of the process. */
import type { Stream } from './streams.ts'

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
