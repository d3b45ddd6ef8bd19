/** Errors that all stores have in common. */
import { NotFoundError, RefusedError } from '../errors.ts'

/** @param reason completes "The file lies outside the artifact store:" */
export function outside(reason: string): RefusedError {
  return new RefusedError({
    code: 'outside-store',
    message: `The file lies outside the artifact store: ${reason}`,
    hint: 'Configure the store that holds it, or correct the URI',
  })
}

export function isLink(): RefusedError {
  return outside('it is a symbolic link, and links below the root are not followed')
}

export function isOther(): RefusedError {
  return outside('it is a folder, a device or a pipe instead of a file')
}

export function missing(): NotFoundError {
  return new NotFoundError({
    code: 'no-such-file',
    message: 'There is no such file in the store',
    hint: 'artifacts verify lists rows whose files are gone',
  })
}

export function occupied(): RefusedError {
  return new RefusedError({
    code: 'target-exists',
    message: 'A file of that name is in the store already, and none is replaced',
    hint: 'Look at both files; remove or rename one of them',
  })
}
