/**
 * Flags and arguments as values: each knows its type, its words for `--help`, and how to read the text a person
 * typed. The mount layer collects every problem of one command line and reports them together.
 */
import { InvalidValue } from '../errors.ts'
import { type Moment, parseDuration, parseMoment } from '../model/moment.ts'
import { nearest } from '../model/nearest.ts'

declare const type: unique symbol

export interface Flag<V = unknown> {
  /** `<n>`, `<name>`; absent for a toggle. */
  readonly metavar?: string
  readonly summary: string
  /** Reads one occurrence. @throws InvalidValue */
  readonly parse: (raw: string) => unknown
  /** The value when the flag is absent. */
  readonly fallback: V
  /** Collects every occurrence (and the parts between commas) into an array. */
  readonly repeatable?: boolean
  readonly required?: boolean
  readonly choices?: readonly string[]
  /** Words that completion offers where others are taken as well. */
  readonly suggest?: Suggest
  /** Heading in `--help` under which it is listed; `Options` when absent. */
  readonly group?: string
  readonly hidden?: boolean
  /** One letter. */
  readonly short?: string
  /** Spelt `--no-<name>` on the command line; true when given. */
  readonly negated?: boolean
  readonly [type]?: V
}

/** Gives the words when somebody asks to complete one. */
export type Suggest = () => Promise<readonly string[]>

export type Flags = Readonly<Record<string, Flag>>

export interface Argument<V = unknown> {
  readonly summary: string
  readonly parse: (raw: string) => unknown
  readonly required: boolean
  readonly variadic: boolean
  readonly choices?: readonly string[]
  readonly suggest?: Suggest
  readonly [type]?: V
}

export type Arguments = Readonly<Record<string, Argument>>

type ValueIn<T> = T extends Flag<infer V> ? V : T extends Argument<infer V> ? V : never

/** What `run` gets: a property for each flag and argument. */
export type InputOf<F extends Flags, A extends Arguments> = { readonly [K in keyof F]: ValueIn<F[K]> } & {
  readonly [K in keyof A]: ValueIn<A[K]>
}

type Extra = Pick<Flag, 'group' | 'hidden' | 'short' | 'negated' | 'suggest'>

/** `--dry-run`: true when given. */
export const toggle = (summary: string, extra: Extra = {}): Flag<boolean> => ({
  summary,
  parse: () => true,
  fallback: false,
  ...extra,
})

/** One text; undefined when absent. */
export const text = (metavar: string, summary: string, extra: Extra = {}): Flag<string | undefined> => ({
  metavar,
  summary,
  parse: identity,
  fallback: undefined,
  ...extra,
})

/** One text that must be given. */
export const requiredText = (metavar: string, summary: string, extra: Extra = {}): Flag<string> => ({
  metavar,
  summary,
  parse: identity,
  fallback: '',
  required: true,
  ...extra,
})

/** A text that may be given several times; not split at commas. */
export const texts = (metavar: string, summary: string, extra: Extra = {}): Flag<readonly string[]> => ({
  metavar,
  summary,
  parse: (raw) => [raw],
  fallback: [],
  repeatable: true,
  ...extra,
})

/** `--status running,failed`: several values, by commas or by repeating the flag. */
export const list = (
  metavar: string,
  summary: string,
  extra: Extra & { readonly choices?: readonly string[] } = {},
): Flag<readonly string[]> => ({
  metavar,
  summary,
  parse: (raw) => raw.split(',').map((part) => checkedChoice(part.trim(), extra.choices)),
  fallback: [],
  repeatable: true,
  ...extra,
})

/** One of a fixed set of words. */
export const choice = <const V extends string>(
  values: readonly V[],
  summary: string,
  extra: Extra & { readonly metavar?: string } = {},
): Flag<V | undefined> => ({
  metavar: `<${values.join('|')}>`,
  summary,
  parse: (raw) => checkedChoice(raw, values),
  fallback: undefined,
  choices: values,
  ...extra,
})

/** A whole number within inclusive bounds. */
export const integer = (
  metavar: string,
  summary: string,
  bounds: { readonly min?: number; readonly max?: number } & Extra = {},
): Flag<number | undefined> => {
  const { min, max, ...extra } = bounds
  return { metavar, summary, parse: (raw) => checkedInteger(raw, min, max), fallback: undefined, ...extra }
}

/** As `integer`, with a value when absent; the help shows it. */
export const integerOr = (
  fallback: number,
  metavar: string,
  summary: string,
  bounds: { readonly min?: number; readonly max?: number } & Extra = {},
): Flag<number> => {
  const { min, max, ...extra } = bounds
  return {
    metavar,
    summary: `${summary} (default ${fallback})`,
    parse: (raw) => checkedInteger(raw, min, max),
    fallback,
    ...extra,
  }
}

/** A length of time in milliseconds: `90s`, `15m`, `2h`, `7d`, `1w`. */
export const duration = (metavar: string, summary: string, extra: Extra = {}): Flag<number | undefined> => ({
  metavar,
  summary,
  parse: parseDuration,
  fallback: undefined,
  ...extra,
})

/** A point in time as the user wrote it; `momentSql` turns it into SQL relative to the server's now(). */
export const moment = (metavar: string, summary: string, extra: Extra = {}): Flag<Moment | undefined> => ({
  metavar,
  summary,
  parse: parseMoment,
  fallback: undefined,
  ...extra,
})

/** A required positional argument. */
export const argument = (summary: string, choices?: readonly string[]): Argument<string> => ({
  summary,
  parse: (raw) => checkedChoice(raw, choices),
  required: true,
  variadic: false,
  ...(choices === undefined ? {} : { choices }),
})

export const optionalArgument = (summary: string, choices?: readonly string[]): Argument<string | undefined> => ({
  summary,
  parse: (raw) => checkedChoice(raw, choices),
  required: false,
  variadic: false,
  ...(choices === undefined ? {} : { choices }),
})

/** Any number of positional arguments, at least one when `required`. */
export const variadicArgument = (
  summary: string,
  {
    required,
    choices,
    suggest,
  }: { readonly required: boolean; readonly choices?: readonly string[]; readonly suggest?: Suggest },
): Argument<readonly string[]> => ({
  summary,
  parse: (raw) => checkedChoice(raw, choices),
  required,
  variadic: true,
  ...(choices === undefined ? {} : { choices }),
  ...(suggest === undefined ? {} : { suggest }),
})

function checkedInteger(raw: string, min?: number, max?: number): number {
  const value = /^[+-]?\d+$/.test(raw.trim()) ? Number(raw) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new InvalidValue('must be a whole number')
  if (min !== undefined && value < min) throw new InvalidValue(`must be at least ${min}`)
  if (max !== undefined && value > max) throw new InvalidValue(`must be at most ${max}`)
  return value
}

function checkedChoice(value: string, choices: readonly string[] | undefined): string {
  if (choices === undefined || choices.includes(value)) return value
  const near = nearest(value, choices)
  throw new InvalidValue(`must be one of ${choices.join(', ')}${near ? ` (did you mean ${near}?)` : ''}`)
}

function identity(raw: string): string {
  return raw
}
