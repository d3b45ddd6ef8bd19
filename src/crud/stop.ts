import { InterruptedError, UnfinishedError } from '../errors.ts'

/** True for the errors that end a run early without anything being wrong: a signal, a time budget. */
export function isStop(error: unknown): error is InterruptedError | UnfinishedError {
  return error instanceof InterruptedError || error instanceof UnfinishedError
}
