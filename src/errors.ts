/**
 * The one vocabulary of failure. Every error that a user can cause or meet is a `StewardError`; anything
 * else that reaches `main` is a bug in Steward (exit 1). Features throw these, `db` makes them from SQLSTATE,
 * and only the entry point turns them into an exit status.
 */

/** The exit codes of Steward's contract (design, "Exit codes"). */
export const ExitCode = {
  ok: 0,
  bug: 1,
  usage: 2,
  connection: 3,
  notFound: 4,
  refused: 5,
  failed: 6,
  partial: 7,
  locked: 8,
  unfinished: 9,
  trouble: 10,
  interrupted: 130,
  terminated: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** A value that survives `JSON.stringify` unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** One thing wrong with an input: where, and why. Several are reported together. */
export interface Problem {
  /** Flag (`--since`), argument (`<id>`), field (`url`) or configuration path (`profiles.prod.url`). */
  readonly where?: string
  /** Line of the input file, counted from 1. */
  readonly line?: number
  readonly reason: string
}

export interface ErrorOptions {
  /** Stable machine name in kebab-case, e.g. `unknown-host`. */
  readonly code: string
  /** What happened, one line. Never contains a bound value or a secret. */
  readonly message: string
  /** What to do about it, one line. */
  readonly hint?: string | undefined
  readonly problems?: readonly Problem[] | undefined
  /** Further facts for machine output. */
  readonly details?: Readonly<Record<string, Json>> | undefined
  readonly cause?: unknown
}

/** Base of every expected failure. Throw one of its subclasses, which fix the exit code. */
export abstract class StewardError extends Error {
  abstract readonly exitCode: ExitCode
  readonly code: string
  readonly hint: string | undefined
  readonly problems: readonly Problem[]
  readonly details: Readonly<Record<string, Json>>

  constructor(options: ErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = options.code
    this.hint = options.hint
    this.problems = options.problems ?? []
    this.details = options.details ?? {}
  }
}

/** The command line or the configuration is wrong (exit 2). */
export class UsageError extends StewardError {
  readonly exitCode = ExitCode.usage
}

/** A confirmation was needed and could not be had (exit 2). */
export class ConfirmationError extends StewardError {
  readonly exitCode = ExitCode.usage
}

/** The server could not be reached or would not let us in (exit 3). */
export class ConnectionError extends StewardError {
  readonly exitCode = ExitCode.connection
}

/** A store could not be reached or would not let us in (exit 3); the database may be there all the same. */
export class StoreConnectionError extends ConnectionError {}

/** What the user named does not exist (exit 4). */
export class NotFoundError extends StewardError {
  readonly exitCode = ExitCode.notFound
}

/** The data was refused: constraint, validation, forbidden transition, changed meanwhile (exit 5). */
export class RefusedError extends StewardError {
  readonly exitCode = ExitCode.refused
}

/** The operation was allowed, tried, and failed (exit 6). */
export class OperationError extends StewardError {
  readonly exitCode = ExitCode.failed
}

/** Some items failed and the message names them (exit 7). */
export class PartialError extends StewardError {
  readonly exitCode = ExitCode.partial
}

/** Another run holds the lock or lease (exit 8). */
export class LockedError extends StewardError {
  readonly exitCode = ExitCode.locked
}

/** The time budget, or a stop request, ended the run with work left (exit 9). */
export class UnfinishedError extends StewardError {
  readonly exitCode = ExitCode.unfinished
}

/** A signal ended the run after the batch in flight (exit 130 or 143). */
export class InterruptedError extends StewardError {
  readonly exitCode: typeof ExitCode.interrupted | typeof ExitCode.terminated
  constructor(signal: 'SIGINT' | 'SIGTERM', message = `Interrupted by ${signal}`) {
    super({ code: 'interrupted', message })
    this.exitCode = signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated
  }
}

/**
 * One error for all that is wrong with a command line or an input: a problem that is alone is the message.
 *
 * @param problems at least one
 * @param of what they are problems with: `this command line`
 */
export function wrongInput(problems: readonly Problem[], hint: string, of = 'this command line'): UsageError {
  return new UsageError({ code: 'invalid-input', hint, ...summed(problems, `problems with ${of}`) })
}

/** Problems as an error's message and list: one alone is the message, several are counted there and listed. */
export function summed(
  problems: readonly Problem[],
  words: string,
): { readonly message: string; readonly problems: readonly Problem[] } {
  const [first] = problems
  if (first === undefined || problems.length > 1) return { message: `${problems.length} ${words}`, problems }
  return { message: [first.where, first.reason].filter(Boolean).join(' '), problems: [] }
}

/** The operating system's name of an error, `ENOENT`; undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Why one value cannot be read, thrown by parsers; whoever knows the flag or field adds it (never leaves `main`). */
export class InvalidValue extends Error {}

/** Throws `signal.reason` when it is an error of ours, so that loops can ask between batches. */
export function throwIfStopped(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw signal.reason instanceof StewardError ? signal.reason : new InterruptedError('SIGINT')
}
