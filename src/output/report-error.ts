/**
 * How a failure is told (design, "Errors"): a line saying what happened and one saying what to do, or one JSON object
 * for a machine format; always on stderr. Text that came from elsewhere is escaped.
 */
import { ExitCode, type Json, type Problem, StewardError } from '../errors.ts'
import { visible } from './escape.ts'
import { type Env, openStream, type RawStream, type Stream } from './streams.ts'
import { jsonText } from './value.ts'
import type { Format } from './view.ts'
import { pad, widthOf } from './width.ts'

export interface ErrorReport {
  readonly stream: RawStream
  readonly env: Env
  readonly format: Format
  /** Adds where it came from (`--debug`). */
  readonly debug: boolean
  /** `--no-color`. */
  readonly noColor?: boolean
}

/** More problems than this are counted for people; machine formats get all. */
const PROBLEMS_SHOWN = 20

/** Writes the report of an error to a stream. Never throws: there is no one left to tell. */
export function renderError(error: unknown, { stream: raw, env, format, debug, noColor = false }: ErrorReport): void {
  const stream = openStream(raw, { env, noColor })
  const facts = factsOf(error, debug)
  if (format === 'table' || format === 'md') stream.say(linesOf(facts, stream).join('\n'))
  else stream.say(jsonOf(facts))
}

interface Facts {
  readonly code: string
  readonly exitCode: ExitCode
  readonly message: string
  readonly hint: string | undefined
  readonly problems: readonly Problem[]
  readonly details: Readonly<Record<string, Json>>
  /** Only with `--debug`. */
  readonly stack: readonly string[]
}

function factsOf(error: unknown, debug: boolean): Facts {
  const stack = debug ? stackOf(error) : []
  if (error instanceof StewardError) {
    const { code, exitCode, message, hint, problems, details } = error
    return { code, exitCode, message, hint, problems, details, stack }
  }
  return {
    code: 'bug',
    exitCode: ExitCode.bug,
    message: `Steward failed unexpectedly: ${messageOf(error)}`,
    hint: debug
      ? 'This is a bug in Steward: report the command and the lines below'
      : 'This is a bug in Steward: run it again with --debug and report the command and what it prints',
    problems: [],
    details: {},
    stack,
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || error.name
}

/**
 * The frames of an error and of its causes. Messages of the causes are left out: a server's message can quote values.
 */
function stackOf(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  const cause = error.cause === undefined ? [] : stackOf(error.cause)
  const below = cause.length === 0 ? [] : ['caused by', ...cause]
  return [`${error.name}${code}`, ...frames.map((line) => `  ${line.trim()}`), ...below]
}

function linesOf(facts: Facts, stream: Stream): string[] {
  const { paint } = stream
  return [
    `${paint.red('error:')} ${visible(facts.message)}`,
    ...problemLines(facts.problems, stream),
    ...(facts.hint === undefined ? [] : [`${paint.cyan('hint:')}  ${visible(facts.hint)}`]),
    ...facts.stack.map((line) => paint.dim(visible(line))),
  ]
}

/** An aligned list: line of the file, field or flag, reason. Columns that no problem has are left out. */
function problemLines(problems: readonly Problem[], { paint }: Stream): string[] {
  const shown = problems.slice(0, PROBLEMS_SHOWN)
  const lines = shown.map(({ line }) => (line === undefined ? '' : `line ${line}`))
  const places = shown.map(({ where }) => visible(where ?? ''))
  const [left, middle] = [widest(lines), widest(places)]
  const rows = shown.map(({ reason }, index) =>
    [
      ...(left === 0 ? [] : [paint.dim(pad(lines[index] ?? '', left, 'right'))]),
      ...(middle === 0 ? [] : [pad(places[index] ?? '', middle, 'left')]),
      visible(reason),
    ].join('  '),
  )
  const rest = problems.length - shown.length
  return [...rows, ...(rest > 0 ? [`and ${rest} more; --json lists them all`] : [])].map((row) => `  ${row}`)
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(widthOf))
}

function jsonOf({ code, exitCode, message, hint, problems, details, stack }: Facts): string {
  const extra = {
    ...details,
    ...(problems.length === 0 ? {} : { problems }),
    ...(stack.length === 0 ? {} : { stack }),
  }
  return jsonText({ error: { code, exitCode, message, hint: hint ?? null, details: extra } })
}
