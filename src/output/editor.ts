/** The person's own editor on a private file. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OperationError } from '../errors.ts'
import type { Env } from './streams.ts'

export interface Terminals {
  /** The editor draws on this one too: stdout may carry data. */
  readonly stderr: { readonly fd?: number }
  readonly stdin: { readonly fd?: number }
}

/**
 * Opens `$VISUAL`, `$EDITOR` or the platform's plain editor on a text, and waits for it. The file can be read by its
 * owner only and is removed afterwards, whatever happens.
 *
 * @param extension without the dot, so that the editor knows the language
 * @returns the text as it was saved
 * @throws OperationError when the editor cannot be started or fails
 */
export async function editText(
  text: string,
  extension: string,
  terminals: Terminals,
  env: Env,
  platform: NodeJS.Platform,
): Promise<string> {
  const command = env.VISUAL || env.EDITOR || (platform === 'win32' ? 'notepad' : 'vi')
  // mkdtemp makes the folder for its owner only.
  const folder = await mkdtemp(join(tmpdir(), 'steward-'))
  try {
    const file = join(folder, `edit.${extension}`)
    await writeFile(file, text, { mode: 0o600, flag: 'wx' })
    await run(command, file, terminals, env, platform)
    return await readFile(file, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(
  command: string,
  file: string,
  { stdin, stderr }: Terminals,
  env: Env,
  platform: NodeJS.Platform,
): Promise<void> {
  const input = stdin.fd ?? 'ignore'
  const screen = stderr.fd ?? 'ignore'
  // The variable is a command line (`code --wait`), as git and crontab take it; the file stays one argument.
  const [program, args, options] =
    platform === 'win32'
      ? [`${command} "${file}"`, [], { shell: true }]
      : ['/bin/sh', ['-c', `${command} "$1"`, 'steward', file], {}]
  const outcome = await new Promise<number | string>((resolve) => {
    const child = spawn(program, args, { ...options, stdio: [input, screen, screen], env: { ...env } })
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'ended'))
  })
  if (outcome === 0) return
  throw new OperationError({
    code: 'editor-failed',
    message: `The editor ${command} ${typeof outcome === 'number' ? `ended with ${outcome}` : `failed: ${outcome}`}; nothing was changed`,
    hint: 'Set VISUAL or EDITOR to the editor you use',
  })
}
