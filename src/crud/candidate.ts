/** A row on its way into the database: what was read of it, and what is wrong with it so far. */
import type { Problem } from '../errors.ts'
import type { Values } from './input.ts'

export interface Candidate {
  /** Line of the input file where the row begins, counted from 1. */
  readonly line?: number
  /** Fields that were read without a problem. */
  values: Values
  /** Grows as rules and the database are asked. */
  readonly problems: Problem[]
  /** The row as it came in, for the file of rejects. */
  readonly raw?: unknown
}
