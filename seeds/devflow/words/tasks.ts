/** What is asked for: titles with what they are about. `{area}` stands for a part of the project. */
export type TaskType = 'feature' | 'bugfix' | 'refactor' | 'test' | 'documentation' | 'security' | 'maintenance'

export interface TaskWords {
  readonly type: TaskType
  readonly title: string
  readonly description: string
  readonly tags: readonly string[]
  /** Typical hours of work. */
  readonly hours: number
}

export const TASKS: readonly TaskWords[] = [
  {
    type: 'feature',
    title: 'Add pagination to the {area} list',
    description: 'Keyset pagination with a cursor; the page size is bounded and the order is stable.',
    tags: ['backend', 'api'],
    hours: 6,
  },
  {
    type: 'bugfix',
    title: 'Fix the time zone of {area} exports',
    description: 'Rows near midnight end up in the wrong day. Everything is UTC until it is shown.',
    tags: ['backend', 'reporting'],
    hours: 3,
  },
  {
    type: 'security',
    title: 'Rotate the signing keys of {area}',
    description:
      'Authentication tokens are signed with a key from last year. Support two keys during the security rollover.',
    tags: ['security', 'backend'],
    hours: 5,
  },
  {
    type: 'feature',
    title: 'Show {area} in the dashboard',
    description: 'A chart of the last 30 days with the figures beside it, loaded lazily.',
    tags: ['frontend', 'ui'],
    hours: 8,
  },
  {
    type: 'test',
    title: 'Cover the error paths of {area}',
    description: 'Write unit tests for timeouts, empty answers and malformed input.',
    tags: ['testing', 'backend'],
    hours: 4,
  },
  {
    type: 'refactor',
    title: 'Split the {area} module',
    description: 'Reading and writing go apart; callers keep their interface.',
    tags: ['backend', 'refactoring'],
    hours: 7,
  },
  {
    type: 'bugfix',
    title: 'Stop {area} from retrying forever',
    description: 'A permanent failure is retried until the queue is full. Back off and give up after five attempts.',
    tags: ['backend', 'reliability'],
    hours: 4,
  },
  {
    type: 'documentation',
    title: 'Document the {area} endpoints',
    description: 'Examples for every call, and what each error means.',
    tags: ['documentation', 'api'],
    hours: 3,
  },
  {
    type: 'feature',
    title: 'Implement authentication for {area}',
    description: 'Sign-in with security keys, input validation on every form, unit tests for the session.',
    tags: ['frontend', 'backend', 'security'],
    hours: 12,
  },
  {
    type: 'maintenance',
    title: 'Update the dependencies of {area}',
    description: 'Minor versions together, major ones each on its own.',
    tags: ['maintenance'],
    hours: 2,
  },
  {
    type: 'bugfix',
    title: 'Repair keyboard navigation in {area}',
    description: 'The focus is lost when the dialog closes.',
    tags: ['frontend', 'accessibility'],
    hours: 3,
  },
  {
    type: 'refactor',
    title: 'Move {area} to typed queries',
    description: 'Text concatenation goes, parameters come.',
    tags: ['backend', 'refactoring', 'security'],
    hours: 9,
  },
]

/** Parts of a project. */
export const AREAS: readonly string[] = [
  'orders',
  'invoices',
  'sessions',
  'search results',
  'notifications',
  'reports',
  'settings',
  'uploads',
  'audit records',
  'price rules',
]

export const CRITERIA: readonly string[] = [
  'All existing tests pass',
  'New code is covered by unit tests',
  'Input is validated',
  'The change is documented',
  'No query takes longer than 100 ms',
  'Errors name what to do',
]

/** Why an execution fails: code, words, and whether another attempt may help. */
export const FAILURES: readonly { readonly code: string; readonly message: string; readonly retryable: boolean }[] = [
  { code: 'TESTS_FAILED', message: '3 of 48 tests failed after the change', retryable: true },
  { code: 'BUILD_FAILED', message: 'The project does not compile: 2 type errors', retryable: true },
  { code: 'CONTEXT_TOO_LARGE', message: 'The files named exceed the context of the model', retryable: false },
  { code: 'MERGE_CONFLICT', message: 'The branch conflicts with its base in 4 files', retryable: true },
  { code: 'RATE_LIMITED', message: 'The model provider refused further requests for 60 s', retryable: true },
  { code: 'PERMISSION_DENIED', message: 'The agent may not push to this branch', retryable: false },
]

export const COMMENTS: readonly string[] = [
  'Please name the constant.',
  'This needs a test for the empty list.',
  'Looks good to me.',
  'Can the lock be held for less time?',
  'Consider an early return here.',
]
