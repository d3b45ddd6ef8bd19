/**
 * Lifecycles: the states of an entity, the transitions between them, and the timestamps they stamp. Nothing else
 * in the code guesses which states are terminal or when a row ended (decision 2); every transition is enforced
 * in the UPDATE's WHERE (decision 8).
 */

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
}

export interface Lifecycle<S extends string = string> {
  /** The field that holds the state. */
  readonly field: string
  readonly initial: S
  readonly states: Readonly<Record<S, Role>>
  /** Field stamped with now() on entering a state, unless it has a value: `{ running: 'started_at' }`. */
  readonly stamps: { readonly [state in S]?: string }
  /** Field stamped with now() on entering any terminal state. */
  readonly endedAt: string
  readonly transitions: readonly Transition<S>[]
}

/** Declares a lifecycle; the compiler checks every state name. */
export function lifecycle<const S extends string>(declared: {
  readonly field: string
  readonly initial: NoInfer<S>
  readonly states: Readonly<Record<S, Role>>
  readonly stamps?: { readonly [state in NoInfer<S>]?: string }
  readonly endedAt: string
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
