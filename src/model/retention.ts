/**
 * Retention rules as data. The engine that applies them has its own room (`archive/`, `artifacts/`,
 * `maintenance/`); a profile may override the ages.
 */
import type { Scalar } from './effect.ts'

export interface RetentionRule {
  /** Unique within the system, kebab-case: `finished-tasks`. */
  readonly name: string
  readonly summary: string
  readonly entity: string
  /**
   * `archive`: move the whole aggregate. `delete`: rows that need no archive. `drop-partitions`: whole months.
   * `delete-files`: files, then rows (or, with `files`, files by prefix). `expire`: take a transition. `soft-delete`:
   * mark as deleted. `purge`: remove what is marked.
   */
  readonly action: 'archive' | 'delete' | 'drop-partitions' | 'delete-files' | 'expire' | 'soft-delete' | 'purge'
  /** Field whose age counts, or several of which the one that is set counts; rows where all are NULL never go. */
  readonly ageOf: string | readonly string[]
  /** Age as a PostgreSQL interval, e.g. `180 days`. */
  readonly olderThan: string
  /** Only rows whose field has one of these values. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** Only rows whose field has none of these values. */
  readonly except?: Readonly<Record<string, readonly string[]>>
  /** Kept while these references lead to a row in an active or waiting state (decision 20). */
  readonly unlessActive?: readonly string[]
  /** Verb of the transition that `expire` takes, and what it is given. */
  readonly transition?: string
  readonly values?: Readonly<Record<string, Scalar>>
  /** Files found by listing a prefix, with `{field}` for fields of the row, and the field stamped once they are gone. */
  readonly files?: { readonly prefix: string; readonly cleanedAt: string }
  /** Applied only where the profile turns it on. */
  readonly optIn?: boolean
}
