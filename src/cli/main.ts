/**
 * The entry point: a command line in, an exit code out. Nothing below it sets the exit status, and nothing it does
 * outlives it.
 */
import type { Command } from '../commands/command.ts'
import { ExitCode, InterruptedError, StewardError, UsageError } from '../errors.ts'
import type { Format } from '../output/view.ts'
import { confirmPlan, requireAnswerable } from './confirm.ts'
import { openContext } from './context.ts'
import { type GlobalInput, globalsFrom } from './globals.ts'
import { type Env, type Host, processHost, type Streams } from './host.ts'
import { type Invocation, parseCommandLine } from './program.ts'
import { version } from './version.ts'
import { flagsOf, flagValue, operandPositions, operands, withoutPasswords } from './words.ts'

/**
 * Runs one command line.
 *
 * @param argv what follows the program's name
 * @param streams data goes to stdout, talk to stderr, answers come from stdin
 * @param env environment variables
 * @returns the exit code (design, "Exit codes"); never throws
 */
export async function main(
  argv: readonly string[],
  streams: Streams,
  env: Env,
  host: Host = processHost(),
): Promise<ExitCode> {
  // A reader that goes away (`| head`) is no error, whoever writes: help and completion included.
  for (const stream of [streams.stdout, streams.stderr]) stream.on('error', () => {})
  const stopping = new AbortController()
  const forget = listenForSignals(host, stopping)
  try {
    return await runCommandLine(argv, streams, env, host, stopping.signal)
  } catch (error) {
    const failure = stopping.signal.aborted && !(error instanceof StewardError) ? stopping.signal.reason : error
    const { renderError } = await import('../output/report-error.ts')
    await renderError(failure, {
      stream: streams.stderr,
      env,
      format: formatAskedFor(argv),
      debug: argv.includes('--debug'),
      noColor: argv.includes('--no-color'),
    })
    return failure instanceof StewardError ? failure.exitCode : ExitCode.bug
  } finally {
    forget()
  }
}

async function runCommandLine(
  argv: readonly string[],
  streams: Streams,
  env: Env,
  host: Host,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (argv[0] === '__complete') {
    const { complete } = await import('./complete.ts')
    const candidates = await complete(argv.slice(1))
    await print(streams.stdout, candidates.map(({ word, summary }) => `${word}\t${summary}\n`).join(''))
    return ExitCode.ok
  }
  const words = await expandShorthand(withoutHelpWord(argv), env, host)
  const isBare = operands(words).length === 0
  if (isBare) words.push(...wordsForNone(words, streams))
  const said = { out: '', err: '' }
  const parsed = await parseCommandLine(words, version, {
    out: (text) => {
      said.out += text
    },
    err: (text) => {
      said.err += text
    },
  }).catch(async (error: unknown) => {
    // A program that asked for JSON reads one object there.
    if (formatAskedFor(argv) === 'table') await print(streams.stderr, said.err)
    throw error
  })
  if ('answered' in parsed) {
    await print(streams.stdout, said.out)
    return ExitCode.ok
  }
  try {
    return await execute(parsed, { words, streams, env, host, signal })
  } catch (error) {
    // Somebody who typed nothing else asked for nothing that could fail.
    if (!isBare || !(error instanceof StewardError) || error.code !== 'no-database') throw error
    await print(streams.stdout, WELCOME)
    return ExitCode.ok
  }
}

/** What `steward` says on a terminal where there is nothing to show yet. */
const WELCOME = `There is no database yet.

  steward quickstart    a local server with the schema, demo data and an overview
  steward config init   a database of yours: asks, tries it, writes steward.yaml
  steward --help        everything else
`

/**
 * Prints what comes before any renderer is loaded: help, the version, completion.
 *
 * @throws OperationError when it cannot be written; a reader that went away is no error
 */
async function print(stream: Streams['stdout'], text: string): Promise<void> {
  if (text === '') return
  const failure = await new Promise<Error | null | undefined>((resolve) => {
    stream.write(text, (error) => resolve(error))
  })
  if (!failure) return
  const { ReaderGone, writeFailure } = await import('../output/streams.ts')
  const outcome = writeFailure(failure)
  if (!(outcome instanceof ReaderGone)) throw outcome
}

/** `steward help migrate up` is what people try first; it stands for `steward migrate up --help`. */
function withoutHelpWord(argv: readonly string[]): readonly string[] {
  const [at] = operandPositions(argv)
  return at !== undefined && argv[at] === 'help' ? [...argv.slice(0, at), ...argv.slice(at + 1), '--help'] : argv
}

/** What a command line without a command stands for: on a terminal the status, else help where nothing is said at all. */
function wordsForNone(words: readonly string[], streams: Streams): string[] {
  if (words.some((word) => ['-h', '--help', '-V', '--version'].includes(word))) return []
  if (streams.stdout.isTTY === true) return ['status']
  return words.length === 0 ? ['--help'] : []
}

interface Surroundings {
  readonly words: readonly string[]
  readonly streams: Streams
  readonly env: Env
  readonly host: Host
  readonly signal: AbortSignal
}

async function execute(invocation: Invocation, around: Surroundings): Promise<ExitCode> {
  const { command, path, input, globals } = invocation
  const { streams, env, host, signal } = around
  const { createOutput } = await import('../output/output.ts')
  const output = createOutput({
    streams,
    env,
    now: host.now,
    format: formatOf(globals),
    noColor: globals.color,
    noInput: globals.input,
    signal,
    platform: host.platform,
    quiet: globals.quiet,
    verbose: globals.verbose,
    reveal: globals.reveal,
    ...(globals.fields.length === 0 ? {} : { fields: globals.fields }),
    ...(globals.section === undefined ? {} : { section: globals.section }),
  })
  const { context, close } = openContext({
    path,
    argv: withoutPasswords(around.words),
    command,
    streams,
    env,
    host,
    ui: output.ui,
    format: formatOf(globals),
    globals: globalsFrom(globals),
    target: {
      ...(globals.profile === undefined ? {} : { profile: globals.profile }),
      ...(globals.url === undefined ? {} : { url: globals.url }),
    },
    signal,
  })
  try {
    return await perform(command, context, input, output)
  } finally {
    output.ui.endProgress()
    await close()
  }
}

type OpenedContext = ReturnType<typeof openContext>['context']
type Output = ReturnType<typeof import('../output/output.ts')['createOutput']>

async function perform(
  command: Command,
  context: OpenedContext,
  input: Readonly<Record<string, unknown>>,
  output: Output,
): Promise<ExitCode> {
  if (command.effect !== 'destroy') {
    const outcome = await command.invoke(context, input)
    await output.show(outcome.view, { changed: command.effect === 'write' })
    return outcome.exitCode
  }
  const dryRun = input.dryRun === true
  const asks = command.asks(input)
  if (!dryRun && asks) requireAnswerable(context)
  const plan = await command.prepare(context, input)
  if (plan.nothing !== undefined) {
    context.ui.note(plan.nothing)
    if (dryRun) await output.show(plan.view)
    return plan.planCode
  }
  if (dryRun) {
    await output.show(plan.view)
    return plan.planCode
  }
  if (asks) {
    await output.tell(plan.view)
    await confirmPlan(context, plan)
  }
  const outcome = await plan.apply()
  await output.show(outcome.view, { changed: true })
  return outcome.exitCode
}

/**
 * `steward task list` stands for `steward skyvern task list` where STEWARD_SYSTEM or the profile names a system.
 * Only asked when the first word is no command of Steward's own, so that the usual way costs nothing.
 */
async function expandShorthand(argv: readonly string[], env: Env, host: Host): Promise<string[]> {
  const { branches } = await import('./branches.ts')
  const [at] = operandPositions(argv)
  const first = at === undefined ? undefined : argv[at]
  if (at === undefined || first === undefined || branches.some((branch) => branch.name === first)) return [...argv]
  const named = env.STEWARD_SYSTEM ?? (await systemOfProfile(argv, env, host))
  const { systems } = await import('../systems/registry.ts')
  const entry = systems.find((candidate) => candidate.name === named)
  if (!entry) return [...argv]
  const { entityNamed } = await import('../model/system.ts')
  if (first !== 'report' && !entityNamed(await entry.load(), first)) return [...argv]
  return [...argv.slice(0, at), entry.name, ...argv.slice(at)]
}

async function systemOfProfile(argv: readonly string[], env: Env, host: Host): Promise<string | undefined> {
  const { resolveConfig } = await import('../config/resolve.ts')
  const profile = flagValue(argv, '--profile')
  const config = await resolveConfig({
    flags: profile === undefined ? {} : { profile },
    env,
    cwd: host.cwd,
    homeDirectory: host.homeDirectory,
    platform: host.platform,
  })
  return config.system
}

/**
 * The first signal asks the command to end after what it has in flight; a second one ends the process.
 *
 * @returns a function that stops listening
 */
function listenForSignals(host: Host, stopping: AbortController): () => void {
  const forget = (['SIGINT', 'SIGTERM'] as const).map((signal) =>
    host.onSignal(signal, () => {
      const reason = new InterruptedError(signal)
      if (stopping.signal.aborted) host.exitNow(reason.exitCode)
      stopping.abort(reason)
    }),
  )
  return () => {
    for (const stop of forget) stop()
  }
}

function formatOf(globals: GlobalInput): Format {
  if (globals.json && globals.output !== undefined && globals.output !== 'json') {
    throw new UsageError({
      code: 'invalid-input',
      message: `--json and --output ${globals.output} contradict each other`,
      hint: 'Give one of them',
    })
  }
  return globals.json ? 'json' : (globals.output ?? 'table')
}

/** The format for errors, readable even from a command line that could not be parsed. */
function formatAskedFor(argv: readonly string[]): Format {
  const value = flagValue(argv, '--output', '-o')
  const machine = value !== undefined && value !== 'table' && value !== 'md'
  return flagsOf(argv).includes('--json') || machine ? 'json' : 'table'
}
