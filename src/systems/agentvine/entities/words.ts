/** Words that several entities share. */

/** What a task is about, and what a worker is for. */
export const WORK_TYPES = ['feature', 'bugfix', 'test', 'docs', 'refactor', 'review'] as const
