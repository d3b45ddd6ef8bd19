/**
 * Operations: verbs of one entity beyond CRUD. Transitions come from the lifecycle; what stands here are the other
 * kinds. All are data; `crud/operations.ts` runs them.
 */

interface OperationBase {
  readonly name: string
  readonly summary: string
}

/** Changes fields of rows that meet a condition, e.g. `organization activate`, `api-key revoke`. */
export interface AssignOperation extends OperationBase {
  readonly kind: 'assign'
  /** The row must have these values, or the operation is refused naming the value it has. */
  readonly when: Readonly<Record<string, string | number | boolean | null>>
  readonly set: Readonly<Record<string, string | number | boolean | null>>
  /** Fields set to now(). */
  readonly stamps?: readonly string[]
  readonly clears?: readonly string[]
  /** What the refusal says when `when` does not hold, e.g. `is already active`. */
  readonly otherwise: string
  /** Ends something others may be using (revoke, deactivate): the plan is shown and confirmed. */
  readonly ends?: boolean
}

/** Inserts a copy of a row with the next number of a series and some fields replaced (`workflow new-version`). */
export interface CopyOperation extends OperationBase {
  readonly kind: 'copy'
  /** The numbered field (`numberedWithin`) that gets the next value. */
  readonly numbers: string
  /** Fields that may be given anew; the rest is copied. At least one must be given. */
  readonly takes: readonly string[]
  /** Set on the new row whatever the old one has. */
  readonly resets?: Readonly<Record<string, string | number | boolean | null>>
  /** With `--retire-previous`, set on every older row of the series. */
  readonly retires?: Readonly<Record<string, string | number | boolean | null>>
}

export type Operation = AssignOperation | CopyOperation
