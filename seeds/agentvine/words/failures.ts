/** Why tries fail, the commonest first: drawn by rank. */
export const FAILURES = [
  'Tests failed: 3 of 214',
  'The branch conflicts with main',
  'Type check failed with 12 errors',
  'Context window exceeded while reading the repository',
  'The linter refused 4 files',
  'Push rejected: the branch is protected',
  'The task is ambiguous: two components have this name',
  'Tool call refused: the path lies outside of the workspace',
  'npm ci failed: integrity checksum of a package differs',
  'Kein Speicherplatz mehr auf dem Gerät',
  'The model answered with no change at all',
] as const

export const TIMED_OUT = 'The worker went away or did not finish in time'
export const CANCELLED = 'The task was cancelled'
export const WITHDRAWN = 'The task left the queue'
export const EXPIRED = 'The order expired'
