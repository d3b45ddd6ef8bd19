/** What comes up while the configuration is put together: problems end the run, together; warnings do not. */
import { type Problem, UsageError } from '../errors.ts'
import type { Sourced } from './parts.ts'

export class Findings {
  readonly problems: Problem[] = []
  readonly warnings: string[] = []
  readonly origins = new Map<string, string>()

  /** Notes what is wrong and where. */
  readonly problem = (where: string, reason: string): void => {
    this.problems.push({ where, reason })
  }

  readonly warn = (line: string): void => {
    if (!this.warnings.includes(line)) this.warnings.push(line)
  }

  /** The value, its origin kept under `path`. */
  keep<T>(path: string, sourced: Sourced<T>): T {
    this.origins.set(path, sourced.origin)
    return sourced.value
  }

  /** @throws UsageError with every problem so far */
  throwIfAny(): void {
    const [first, ...others] = this.problems
    if (first === undefined) return
    throw new UsageError({
      code: 'invalid-configuration',
      message:
        others.length === 0
          ? 'The configuration has a problem'
          : `The configuration has ${others.length + 1} problems`,
      hint: 'Correct what is listed; steward config check looks at it again',
      problems: this.problems,
    })
  }
}
