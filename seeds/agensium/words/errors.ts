/** Why uploads and tasks fail, the most frequent first, and why events do. */

export interface Failure {
  readonly code: string
  readonly message: string
}

export const UPLOAD_FAILURES: readonly Failure[] = [
  { code: 'FILE_NOT_FOUND', message: 'The file primary was not uploaded before its URL expired' },
  { code: 'FILE_EMPTY', message: 'The file primary holds no bytes' },
  { code: 'FILE_TOO_LARGE', message: 'The file primary is larger than 500 MB' },
  { code: 'FILE_ENCODING', message: 'The file primary is not UTF-8: byte 0xE4 at row 1,204 (“Müller”)' },
]

export const TASK_FAILURES: readonly Failure[] = [
  { code: 'AGENT_EXECUTION_FAILED', message: 'The agent ended with an error: column "amount" has no numeric values' },
  { code: 'FILE_PARSE_ERROR', message: 'Row 18,332 has 14 fields, the header has 13' },
  { code: 'INVALID_PARAMETERS', message: "parameters.json: threshold must be between 0 and 1, it's 80" },
  { code: 'AGENT_TIMEOUT', message: 'The agent did not answer within 10 minutes' },
  { code: 'OUTPUT_UPLOAD_FAILED', message: 'The results could not be stored: 503 Slow Down' },
  { code: 'OUT_OF_MEMORY', message: 'The file needs more than the 8 GiB that an agent has' },
]

export const TIMED_OUT: Failure = {
  code: 'TASK_TIMED_OUT',
  message: 'Processing did not end within the time allowed',
}

export const NO_CREDITS: Failure = {
  code: 'BILLING_INSUFFICIENT_CREDITS',
  message: 'The wallet has fewer credits than the agents of this task cost',
}

export const LOST_CONNECTION = 'The connection to the database was lost while the purchase was booked'
export const NO_USER = 'data.object.metadata.user_id is missing'

export const GRANT_REASONS = [
  'Thank you for the feedback',
  'Credits for the outage of the 3rd',
  'Pilot programme',
] as const
