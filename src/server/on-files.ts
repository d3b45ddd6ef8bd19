/** Failures of the operating system on the server's files. */
import { errorCode, OperationError, StewardError } from '../errors.ts'

/**
 * Runs `work` and tells what the file system refused (full, read-only, forbidden) as an expected failure.
 *
 * @throws OperationError `server-files` in place of the operating system's error; any other error as it is
 */
export async function onFiles<T>(home: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StewardError || errorCode(error) === undefined || !(error instanceof Error)) throw error
    throw new OperationError({
      code: 'server-files',
      message: `The embedded server's files cannot be worked on: ${error.message}`,
      hint: `Check the owner of ${home} and that its disk has room, or set STEWARD_DATA_HOME to another directory`,
      cause: error,
    })
  }
}
