/**
 * Effects: what a transition, an operation or the creation of a row does to other rows in the same transaction, as
 * data (decision 52). `crud/effects.ts` applies them; each effect goes through the same door as a command would, so
 * creation rules, lifecycles, stamps and the audit log hold for it too.
 */

/** A value that stands in a declaration. */
export type Scalar = string | number | boolean | null

/** Where a value of an effect comes from. */
export type Source =
  /** A field of the row that the effect belongs to, as it is after the change. */
  | { readonly row: string }
  /** A value that was given: a field that is taken, or one of `inputs`. Absent ones are left to the default. */
  | { readonly given: string }
  | { readonly value: Scalar }

export type Sources = Readonly<Record<string, Source>>

/** The rows an effect reaches from its own row. */
export type Link =
  /** The row itself. */
  | { readonly self: true }
  /** The parent that this reference field of the row names; nothing where it is NULL. */
  | { readonly parent: string }
  /** Rows of `entity` whose field `via` equals the row's `equals` (its primary key when absent), and `where` holds. */
  | {
      readonly entity: string
      readonly via: string
      readonly equals?: string
      readonly where?: Readonly<Record<string, Scalar>>
    }

interface EffectBase {
  /** Only when this given value is one of these. */
  readonly when?: { readonly given: string; readonly isOneOf: readonly Scalar[] }
}

/** Inserts a row of another entity. */
export interface InsertEffect extends EffectBase {
  readonly insert: string
  readonly values: Sources
}

/**
 * Takes related rows through a transition of their own, with its own effects. Rows in a state that it does not lead
 * out of stay as they are, unless it is `required`: then they refuse the whole.
 */
export interface MoveEffect extends EffectBase {
  /** Verb of the transition of the related entity; it may be `internal`. */
  readonly move: string
  readonly of: Link
  readonly values?: Sources
  readonly required?: boolean
}

/** Sets fields of related rows, whatever their state. */
export interface SetEffect extends EffectBase {
  readonly set: Sources
  readonly of: Link
  /** Fields set to the time of the change. */
  readonly stamps?: readonly string[]
}

export type Effect = InsertEffect | MoveEffect | SetEffect
