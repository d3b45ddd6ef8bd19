/**
 * Retention rules as data: what goes when, and how. One engine each honours an action: `archive/` moves and removes
 * aggregates, `crud/` takes transitions, `artifacts/` deletes files, `maintenance/` drops partitions. A profile
 * overrides the ages and turns rules on and off.
 */
import type { Scalar } from './effect.ts'

export type RetentionAction =
  | 'archive'
  | 'delete'
  | 'drop-partitions'
  | 'delete-files'
  | 'expire'
  | 'soft-delete'
  | 'purge'

export interface RetentionRule {
  /** Unique within the system, kebab-case: `finished-tasks`. */
  readonly name: string
  readonly summary: string
  readonly entity: string
  /**
   * `archive`: move the whole aggregate. `delete`: remove it, no archive. `drop-partitions`: whole months.
   * `delete-files`: files, then rows (or, with `files`, files by prefix). `expire`: take a transition. `soft-delete`:
   * mark as deleted. `purge`: remove what is marked, with all that depends on it.
   */
  readonly action: RetentionAction
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
  /**
   * References, as `entity.field`, that do not keep a row: their key says ON DELETE SET NULL, so they are let go of,
   * recorded, and put back by a restore. Any other reference of a row that stays keeps the row it refers to.
   */
  readonly detaches?: readonly string[]
  /** Rows of a dropped partition are archived first (decision 50). */
  readonly archives?: boolean
  /** Verb of the transition that `expire` takes, and what it is given. */
  readonly transition?: string
  readonly values?: Readonly<Record<string, Scalar>>
  /** Files found by listing a prefix, with `{field}` for fields of the row, and the field stamped once they are gone. */
  readonly files?: { readonly prefix: string; readonly cleanedAt: string }
  /** Applied only where the profile turns it on. */
  readonly optIn?: boolean
}

/** A rule as it holds for a profile. */
export interface AppliedRule {
  readonly rule: RetentionRule
  /** PostgreSQL interval: the declared age, or the profile's. */
  readonly olderThan: string
  /** Why it is not applied: `opt-in`, or `off` in the profile; undefined when it is. */
  readonly off?: 'opt-in' | 'off'
}

/** Words that a profile may give a rule in place of an age. */
export const RETENTION_SWITCHES = ['on', 'off'] as const

/**
 * The rule with what a profile says of it: an age (which turns an opt-in rule on, too), `on` or `off`.
 *
 * @param override from `config.retention[system][rule]`, checked when the configuration was read
 */
export function appliedRule(rule: RetentionRule, override: string | undefined): AppliedRule {
  const olderThan = override === undefined || override === 'on' || override === 'off' ? rule.olderThan : override
  if (override === 'off') return { rule, olderThan, off: 'off' }
  if (override === undefined && rule.optIn) return { rule, olderThan, off: 'opt-in' }
  return { rule, olderThan }
}
