/** The talk with the person: notes, progress and questions, all on stderr, since stdout carries the data. */
import { ConfirmationError, InterruptedError, StewardError, UsageError } from '../errors.ts'
import { visible } from './escape.ts'
import { createProgress } from './progress.ts'
import { promptOutput, promptTheme } from './prompts.ts'
import type { Env, Stream } from './streams.ts'
import type { Choice, Ui } from './ui-types.ts'

export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean; readonly fd?: number }

export interface UiOptions {
  readonly stdin: InputStream
  readonly stderr: Stream
  readonly env: Env
  /** `--no-input`. */
  readonly noInput: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly now: () => Date
  /** A stop request ends an open question. */
  readonly signal?: AbortSignal
  readonly platform?: NodeJS.Platform
}

/** What inquirer is handed besides the question. */
interface PromptContext {
  readonly input: InputStream
  readonly output: NodeJS.WritableStream
  readonly signal: AbortSignal
}

/** One prompt of inquirer, handed the question ready to print. */
type Prompt<T> = (prompts: typeof import('@inquirer/prompts'), message: string, context: PromptContext) => Promise<T>

type Ask = <T>(question: string, prompt: Prompt<T>) => Promise<T>

export function createUi(options: UiOptions): Ui {
  const { stdin, stderr, env, noInput, quiet, verbose, now } = options
  // Without cursor movement (TERM=dumb) a prompt cannot be drawn, so nothing asks there either.
  const interactive = stdin.isTTY === true && stderr.canAnimate && !noInput
  const progress = createProgress(stderr, now)
  const ask: Ask = async (question, prompt) => {
    progress.end()
    if (!interactive) throw cannotAsk(question, noInput)
    const prompts = await import('@inquirer/prompts')
    return answered(options, (context) => prompt(prompts, visible(question), context))
  }
  const { confirm, ...questions } = questionsOf(ask, promptTheme(stderr))
  return {
    interactive,
    note(line) {
      if (!quiet) stderr.say(visible(line))
    },
    warn(line) {
      stderr.say(`${stderr.paint.yellow('warning:')} ${visible(line)}`)
    },
    detail(line) {
      if (verbose) stderr.say(stderr.paint.dim(visible(line)))
    },
    progress: quiet ? () => {} : progress.report,
    endProgress: () => progress.end(),
    async confirm(question) {
      if (!interactive) throw cannotConfirm(question, noInput)
      return confirm(question)
    },
    ...questions,
    async edit(text, extension) {
      progress.end()
      if (!interactive) throw cannotAsk('opening an editor', noInput)
      const { editText } = await import('./editor.ts')
      return editText(text, extension, { stdin, stderr: stderr.raw }, env, options.platform ?? 'linux')
    },
  }
}

/** The questions by kind, in inquirer's terms. */
function questionsOf(
  ask: Ask,
  theme: ReturnType<typeof promptTheme>,
): Pick<Ui, 'confirm' | 'input' | 'secret' | 'select'> {
  return {
    confirm(question) {
      return ask(question, ({ confirm }, message, context) => confirm({ message, default: false, theme }, context))
    },
    input(question, { initial, validate } = {}) {
      const optional = {
        ...(initial === undefined ? {} : { default: initial }),
        ...(validate === undefined ? {} : { validate }),
      }
      return ask(question, ({ input }, message, context) => input({ message, theme, ...optional }, context))
    },
    secret(question) {
      return ask(question, ({ password }, message, context) =>
        password({ message, mask: '*', toggleMask: false, theme }, context),
      )
    },
    select<T extends string>(question: string, choices: readonly Choice<T>[], initial?: T) {
      const shown = choices.map(({ value, name, description }) => ({
        value,
        name: visible(name ?? value),
        ...(description === undefined ? {} : { description: visible(description) }),
      }))
      const optional = initial === undefined ? {} : { default: initial }
      return ask(question, ({ select }, message, context) =>
        select<T>({ message, theme, loop: false, choices: shown, ...optional }, context),
      )
    },
  }
}

/**
 * Runs one prompt. Ctrl-C, the end of the input (Ctrl-D) and a stop request all end it with an error of ours;
 * inquirer itself would wait for ever after the end of the input.
 */
async function answered<T>(
  { stdin, stderr, signal }: UiOptions,
  prompt: (context: PromptContext) => Promise<T>,
): Promise<T> {
  const closing = new AbortController()
  const stop = () => closing.abort()
  // Readline pauses its input when it closes; a prompt that has its answer is settled by then.
  const closed = () => setImmediate(stop)
  stdin.once('pause', closed)
  stdin.once('end', closed)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  try {
    return await prompt({ input: stdin, output: promptOutput(stderr.raw), signal: closing.signal })
  } catch (error) {
    if (signal?.aborted && signal.reason instanceof StewardError) throw signal.reason
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      throw new InterruptedError('SIGINT')
    }
    throw error
  } finally {
    stdin.off('pause', closed)
    stdin.off('end', closed)
    signal?.removeEventListener('abort', stop)
  }
}

function cannotAsk(question: string, noInput: boolean): UsageError {
  return new UsageError({
    code: 'input-needed',
    message: `This needs an answer: ${visible(question)}`,
    hint: noInput
      ? 'Leave out --no-input, or give the value on the command line'
      : 'There is no terminal to ask on; give the value on the command line',
  })
}

function cannotConfirm(question: string, noInput: boolean): ConfirmationError {
  return new ConfirmationError({
    code: 'confirmation-needed',
    message: `This needs a confirmation: ${visible(question)}`,
    hint: noInput ? 'Leave out --no-input, or add --yes' : 'There is no terminal to ask on; add --yes',
  })
}
