import type { Scope } from '../../crud/scope.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { Context } from '../command.ts'
import type { TransitionGiven } from './transition-input.ts'

/** What the three modes of a transition have in common: by id, for many by filter, with creation before. */
export interface Step {
  readonly context: Context
  readonly scope: Scope
  readonly declared: Transition
  readonly given: TransitionGiven
}
