/**
 * Retention rules as data. The engine that applies them has its own room (`archive/`, `artifacts/`,
 * `maintenance/`); a profile may override the ages.
 */
export interface RetentionRule {
  /** Unique within the system, kebab-case: `finished-tasks`. */
  readonly name: string
  readonly summary: string
  readonly entity: string
  /** `archive`: move the whole aggregate. `delete-files`: files, then rows. `expire`: change the state. */
  readonly action: 'archive' | 'delete-files' | 'expire'
  /** Field whose age counts; rows where it is NULL are never eligible. */
  readonly ageOf: string
  /** Age as a PostgreSQL interval, e.g. `180 days`. */
  readonly olderThan: string
  /** Only rows whose field has one of these values. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** Kept while these references lead to a row in an active or waiting state (decision 20). */
  readonly unlessActive?: readonly string[]
}
