/**
 * Rules on one value, declared beside the field. They are pure, run before anything touches the database, and
 * all of them run, so that every problem of an input is reported at once. The database repeats the ones that
 * guard data (CHECK constraints); these say it in words.
 */
import type { Json } from '../errors.ts'

export interface Rule {
  /** Shown in `--help` and documentation, e.g. `an http or https URL`. */
  readonly describes: string
  /** The reason why the value is refused, or undefined when it is fine. Gets values of the field's kind. */
  readonly check: (value: unknown) => string | undefined
  /** Brings a legal value into its canonical form (trimming). Runs before `check`. */
  readonly normalise?: (value: unknown) => unknown
}

/** `http://` or `https://` with a host that parses; at most 8 KiB. */
export const httpUrl: Rule = {
  describes: 'an http or https URL',
  normalise: trimmed,
  check(value) {
    if (typeof value !== 'string') return 'must be text'
    if (!/^https?:\/\//i.test(value)) return 'must start with http:// or https://'
    if (/\s/.test(value)) return 'must not contain white space'
    if (value.length > 8192) return 'must not be longer than 8192 characters'
    return URL.canParse(value) ? undefined : 'is not a valid URL'
  },
}

/** Text with something in it besides white space; stored trimmed. */
export const notBlank: Rule = {
  describes: 'not blank',
  normalise: trimmed,
  check: (value) => (typeof value === 'string' && value.trim() !== '' ? undefined : 'must not be blank'),
}

/** Stored without white space around it; there may be nothing in it. */
export const stripped: Rule = {
  describes: 'stored without white space around it',
  normalise: trimmed,
  check: () => undefined,
}

/** Stored in lower case, so that the same word in another case is the same value. */
export const lowerCase: Rule = {
  describes: 'stored in lower case',
  normalise: (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  check: () => undefined,
}

/**
 * An address with exactly one @ and a dotted domain: enough to catch a mistake, never a mail server's verdict. No control
 * or invisible characters, and no comma, since lists of addresses are separated by it.
 */
export const email: Rule = {
  describes: 'an e-mail address',
  normalise: trimmed,
  check: (value) =>
    typeof value === 'string' && /^[^\s@,\p{C}]+@[^\s@,\p{C}]+\.[^\s@,\p{C}]+$/u.test(value)
      ? undefined
      : 'is not an e-mail address',
}

/** A number within inclusive bounds; of a `numeric`, which is held as text, the nearest double is compared. */
export function between(lowest: number, highest: number): Rule {
  return {
    describes: `from ${lowest} to ${highest}`,
    check: (value) => {
      const number = numberIn(value)
      return number !== undefined && number >= lowest && number <= highest
        ? undefined
        : `must be from ${lowest} to ${highest}`
    },
  }
}

/** A number (of whatever kind) of at least `lowest`. */
export function atLeast(lowest: number): Rule {
  return {
    describes: `at least ${lowest}`,
    check: (value) => {
      const number = numberIn(value)
      return number !== undefined && number >= lowest ? undefined : `must be at least ${lowest}`
    },
  }
}

/** Text of at most `limit` characters (code points, as PostgreSQL counts them). */
export function atMostCharacters(limit: number): Rule {
  return {
    describes: `at most ${limit} characters`,
    check: (value) =>
      typeof value === 'string' && [...value].length > limit
        ? `must not be longer than ${limit} characters`
        : undefined,
  }
}

/** Text of at least so many characters. */
export function atLeastCharacters(lowest: number): Rule {
  return {
    describes: `at least ${lowest} characters`,
    check: (value) =>
      typeof value === 'string' && [...value].length < lowest ? `must have at least ${lowest} characters` : undefined,
  }
}

/** A JSON object, as opposed to an array or a scalar. */
export const jsonObject: Rule = {
  describes: 'a JSON object',
  check: (value) => (isJsonObject(value) ? undefined : 'must be a JSON object'),
}

/** Of a JSON object: where it has this member, the member is a whole number of at least `lowest`. */
export function wholeNumberMember(member: string, lowest: number): Rule {
  return {
    describes: `${member}, if given, a whole number of at least ${lowest}`,
    check(value) {
      const given = isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined
      return given === undefined || (typeof given === 'number' && Number.isSafeInteger(given) && given >= lowest)
        ? undefined
        : `${member} must be a whole number of at least ${lowest}`
    },
  }
}

/** Of a JSON object: where it has this member, the member is a text with something in it. */
export function textMember(member: string): Rule {
  return {
    describes: `${member}, if given, a text`,
    check(value) {
      const given = isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined
      return given === undefined || (typeof given === 'string' && given.trim() !== '')
        ? undefined
        : `${member} must be a text`
    },
  }
}

/** Of a JSON object: where it has this member, the member is an array of texts. */
export function textsMember(member: string): Rule {
  return {
    describes: `${member}, if given, an array of texts`,
    check(value) {
      const given = isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined
      return given === undefined || (Array.isArray(given) && given.every((each) => typeof each === 'string'))
        ? undefined
        : `${member} must be an array of texts`
    },
  }
}

/** `[x, y]`, two finite numbers. */
export const coordinatePair: Rule = {
  describes: 'a pair of numbers, [x, y]',
  check(value) {
    if (!Array.isArray(value) || value.length !== 2) return 'must have the form [x, y]'
    return value.every((part) => typeof part === 'number' && Number.isFinite(part))
      ? undefined
      : 'must be two finite numbers, [x, y]'
  },
}

export function isJsonObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function trimmed(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value
}

/** The value of a number of any kind: bigint, and numeric as its text. */
function numberIn(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)) ? Number(value) : undefined
}
