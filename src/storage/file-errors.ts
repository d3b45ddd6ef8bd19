/** What the operating system says, in words. */
import { getSystemErrorMap } from 'node:util'
import { errorCode, OperationError, StewardError } from '../errors.ts'

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'Give the user that runs Steward the right to read and write below the root of the store',
  EPERM: 'Give the user that runs Steward the right to read and write below the root of the store',
  ENOSPC: 'Make room on the disk of the store',
  EDQUOT: 'Make room in the quota of the user that runs Steward',
  EROFS: 'Mount the file system of the store for writing',
}

/** Whether there is no such file. None has a name that is longer than the file system takes. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errorCode(error) ?? '')
}

/** `permission denied`, without the path. */
export function reasonOf(error: unknown): string {
  if (error instanceof StewardError) return error.message
  const errno =
    error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : undefined
  const [, words] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? []
  return words ?? 'the file system failed'
}

/** The error of a store for one of the file system; ours, and those of our own making, pass. */
export function fileError(error: unknown, store: string, doing: string): unknown {
  const code = errorCode(error)
  if (error instanceof StewardError || !/^E[A-Z0-9]+$/.test(code ?? '')) return error
  return new OperationError({
    code: 'store-failed',
    message: `Store ${store} could not ${doing}: ${reasonOf(error)}`,
    hint: HINTS[code ?? ''] ?? 'See to the disk of the store, then run the command again',
    details: { store, errno: code ?? '' },
    cause: error,
  })
}
