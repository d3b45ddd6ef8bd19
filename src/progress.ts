/**
 * How features report progress without knowing a terminal: they call a function. `output/progress.ts` turns
 * the events into a spinner with rate and remaining time on a terminal, and into nothing in a pipe.
 */
export type ProgressUnit = 'rows' | 'bytes' | 'files' | 'tables' | 'migrations' | 'indexes' | 'steps'

export interface Progress {
  /** What is being worked on, e.g. `seeding tasks`. A new label starts a new line. */
  readonly label: string
  readonly done: number
  /** Unknown when absent: no remaining time is shown. */
  readonly total?: number
  readonly unit: ProgressUnit
}

export type OnProgress = (progress: Progress) => void

/** For callers that have no one to tell. */
export const ignoreProgress: OnProgress = () => {}
