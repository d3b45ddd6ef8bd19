/**
 * Lifecycles: the states of an entity, the transitions between them, and the timestamps they stamp. Nothing else
 * in the code guesses which states are terminal or when a row ended (decision 2); every transition is enforced
 * in the UPDATE's WHERE (decision 8).
 */
import type { Effect, Scalar } from './effect.ts'
import type { Fields } from './entity.ts'

/** `waiting`: not begun. `active`: holds resources or a place in a queue. `terminal`: over. */
export type Role = 'waiting' | 'active' | 'terminal'

export interface Transition<S extends string = string> {
  /** The operation's name on the command line. */
  readonly verb: string
  readonly summary: string
  readonly from: readonly S[]
  readonly to: S
  /** Fields the operation takes besides the id. */
  readonly takes?: Readonly<Record<string, 'required' | 'optional'>>
  /** Fields set to NULL, e.g. the end time on a retry. */
  readonly clears?: readonly string[]
  /** Fields increased by one, e.g. a retry counter. */
  readonly increments?: readonly string[]
  /**
   * `optional`: without an id the operation first creates the row from its fields, in the same transaction
   * (`workflow-run start --workflow-id …`). The new row takes the way from the initial state at once: `from` is for
   * rows that exist.
   */
  readonly creates?: 'optional'
  /** Destructive for work in flight (cancel, terminate): asks before it runs on many. */
  readonly ends?: boolean
  /** Fields set to these values: `{ progress: 100 }`. */
  readonly sets?: Readonly<Record<string, Scalar>>
  /** Values the operation takes that are no fields of the row; effects use them (`given`). Required unless nullable. */
  readonly inputs?: Fields
  /** What happens to other rows in the same transaction, in this order, after the row itself was moved. */
  readonly effects?: readonly Effect[]
  /** The way of rows for which a number has not reached another yet (retries left), instead of `to`. */
  readonly instead?: Instead<S>
  /** Refuses rows that wait for others, as the entity's graph says (decision 52). */
  readonly awaitsDependencies?: boolean
  /** Taken by effects only; no command of its own. */
  readonly internal?: boolean
  /**
   * A queue: without ids the command takes the first rows in `from`, in this order, skipping those that another
   * session holds (SKIP LOCKED), so that each row is claimed once.
   */
  readonly claims?: {
    /** As `list.sort`: `created_at`, or `priority,created_at`. */
    readonly order: string
    /** Fields by which a claimer chooses: `--queue-name`. */
    readonly by?: readonly string[]
    /** Rows whose instant in this field has passed are not offered (expired orders). */
    readonly notAfter?: string
    /** Rows of parents that are not so, or deleted, wait until they are (events of a disabled integration). */
    readonly parents?: readonly HoldingParent[]
  }
}

/** What a parent must be for the rows of a queue to be handed out. */
export interface HoldingParent {
  /** The reference field that names it. */
  readonly via: string
  readonly is: Readonly<Record<string, Scalar>>
  /** What is said of one that is not so: `is not enabled`. */
  readonly otherwise: string
}

/** Another way through a transition. */
export interface Instead<S extends string = string> {
  readonly when: { readonly field: string; readonly isBelow: string }
  readonly to: S
  readonly clears?: readonly string[]
  readonly increments?: readonly string[]
  readonly sets?: Readonly<Record<string, Scalar>>
  readonly effects?: readonly Effect[]
}

export interface Lifecycle<S extends string = string> {
  /** The field that holds the state. */
  readonly field: string
  readonly initial: S
  readonly states: Readonly<Record<S, Role>>
  /** Field stamped with now() on entering a state, unless it has a value: `{ running: 'started_at' }`. */
  readonly stamps: { readonly [state in S]?: string }
  /** Field stamped on entering a terminal state: one for all, or one for each terminal state (decision 2). */
  readonly endedAt: string | { readonly [state in S]?: string }
  /** States that a trigger of the database moves rows into, and no transition does. */
  readonly kept?: readonly S[]
  readonly transitions: readonly Transition<S>[]
}

/** Declares a lifecycle; the compiler checks every state name. */
export function lifecycle<const S extends string>(declared: {
  readonly field: string
  readonly initial: NoInfer<S>
  readonly states: Readonly<Record<S, Role>>
  readonly stamps?: { readonly [state in NoInfer<S>]?: string }
  readonly endedAt: string | { readonly [state in NoInfer<S>]?: string }
  readonly kept?: readonly NoInfer<S>[]
  readonly transitions: readonly Transition<NoInfer<S>>[]
}): Lifecycle<S> {
  return { ...declared, stamps: declared.stamps ?? {} }
}

/** The states that have one of these roles, in declared order. */
export function statesOf(declared: Lifecycle, ...roles: readonly Role[]): string[] {
  return Object.entries(declared.states)
    .filter(([, role]) => roles.includes(role))
    .map(([state]) => state)
}

/** The transitions that lead out of a state: what an operator may do next. */
export function transitionsFrom(declared: Lifecycle, state: string): readonly Transition[] {
  return declared.transitions.filter((transition) => transition.from.includes(state))
}

/** Every field that holds an end time, each once. */
export function endFields({ endedAt }: Lifecycle): string[] {
  return typeof endedAt === 'string'
    ? [endedAt]
    : [...new Set(Object.values(endedAt).filter((key) => key !== undefined))]
}

/** The field stamped on entering this state; undefined where it is not terminal. */
export function endFieldOf({ endedAt, states }: Lifecycle, state: string): string | undefined {
  if (states[state] !== 'terminal') return undefined
  return typeof endedAt === 'string' ? endedAt : endedAt[state]
}
