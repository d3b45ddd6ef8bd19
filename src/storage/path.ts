/** Paths below the root of a store, and their order. */
import { QUARANTINE } from './store.ts'

/** Why something is no path below a root, with no empty segment at its ends; undefined when it is one. */
export function refusePath(path: string): string | undefined {
  if (path === '' || path.startsWith('/') || path.endsWith('/')) {
    return 'its path is empty, or starts or ends with a slash'
  }
  return refuseName(path)
}

/** Why a path, or a key, cannot be asked for, wherever its slashes are. */
export function refuseName(path: string): string | undefined {
  if (path.includes('\0')) return 'its name holds a NUL'
  if (path.split('/').some((segment) => segment === '..' || segment === '.')) {
    return 'a segment of its path is . or ..'
  }
  // Half a surrogate pair: UTF-8 has no bytes for it, and would silently name another file.
  if (/\p{Surrogate}/u.test(path)) return 'its name is no Unicode'
  return undefined
}

/** Names that files have while they are written. */
const TEMPORARY = /(^|\/)\.steward-[0-9a-f-]{36}\.tmp$/

export function isTemporary(path: string): boolean {
  return TEMPORARY.test(path)
}

/** Whether a listing by this prefix asks for what is in the quarantine. */
export function asksForQuarantine(prefix: string): boolean {
  return prefix.startsWith(`${QUARANTINE}/`)
}

/**
 * Order of the UTF-8 bytes of two strings. JavaScript compares UTF-16 units, where the surrogates of U+10000 and above
 * come before U+E000 to U+FFFF.
 */
export function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let index = 0; index < length; index += 1) {
    const a = one.charCodeAt(index)
    const b = other.charCodeAt(index)
    if (a !== b) return rank(a) - rank(b)
  }
  return one.length - other.length
}

/** UTF-16 units in the order of the bytes of the characters that they begin or end. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
