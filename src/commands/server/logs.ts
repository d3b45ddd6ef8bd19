import { throwIfStopped } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { integerOr, toggle } from '../flags.ts'
import { ownServer } from './view.ts'

export const logs = defineCommand({
  name: 'logs',
  summary: 'Print the log of the embedded server',
  examples: [
    { command: 'server logs', does: 'The last 50 lines' },
    { command: 'server logs --lines 0 --follow', does: 'Only what comes from now on, until Ctrl-C' },
  ],
  flags: {
    lines: integerOr(50, '<n>', 'how many of the last lines', { min: 0, short: 'n' }),
    follow: toggle('go on with what is written, until Ctrl-C', { short: 'f' }),
  },
  effect: 'read',
  async run(context, { lines, follow }) {
    const { logFile } = await ownServer(context)
    const { existsSync } = await import('node:fs')
    if (!existsSync(logFile)) context.ui.note('There is no log: the embedded server was never started.')
    const { logLines } = await import('../../server/logs.ts')
    return untilStopped(logLines(logFile, { lines, follow, signal: context.signal }), context.signal)
  },
  view: (lines, _, { format }) =>
    format === 'table'
      ? { shape: 'stream', bytes: encoded(lines) }
      : { shape: 'table', columns: [{ key: 'line', kind: 'text' }], rows: rows(lines) },
})

/** Following has no other end than a signal, which gives the exit code. */
async function* untilStopped(lines: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string> {
  yield* lines
  throwIfStopped(signal)
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${harmless(line)}\n`)
}

async function* rows(lines: AsyncIterable<string>): AsyncGenerator<{ readonly line: string }> {
  for await (const line of lines) yield { line }
}

/** Statements in the log can carry control sequences, which must not reach a terminal. */
function harmless(line: string): string {
  return line.replace(
    // Everything below the space but the tab, DEL, and the C1 controls.
    /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
