/** What an S3-compatible server says, or does not say, in Steward's words: never its own, which can quote the request. */
import { OperationError, StewardError, StoreConnectionError, UsageError } from '../errors.ts'

/** Codes of the S3 API (Error Responses) that mean the same thing to us, whoever sends them. */
const CREDENTIALS = [
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'CredentialsProviderError',
  'TokenProviderError',
]
const REGION = ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']
const SLOW = [
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TooManyRequests',
  'BandwidthLimitExceeded',
]
const NO_ANSWER = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'TimeoutError',
  'AbortError',
]

/** Name of the error, code of the operating system and HTTP status, as far as there are any. */
export interface S3Failure {
  readonly name: string
  readonly code: string
  readonly status: number | undefined
}

export function failureOf(error: unknown): S3Failure {
  if (!(error instanceof Error)) return { name: '', code: '', status: undefined }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const metadata = '$metadata' in error ? error.$metadata : undefined
  const status =
    typeof metadata === 'object' &&
    metadata !== null &&
    'httpStatusCode' in metadata &&
    typeof metadata.httpStatusCode === 'number'
      ? metadata.httpStatusCode
      : undefined
  return { name: error.name, code, status }
}

/** Whether an error of ours says that the object is not there; any other 404 is about the bucket or the way to it. */
export function isNoSuchKey(error: unknown): boolean {
  return error instanceof StewardError && failureOf(error.cause).name === 'NoSuchKey'
}

/**
 * Answers to HEAD have no body: 404 does not tell a missing object from a missing bucket, nor 403 a wrong key from a
 * right that is not given, nor 301 and 400 another region from a token that has expired.
 */
export function isBare(error: unknown, ...statuses: readonly number[]): boolean {
  if (!(error instanceof StewardError) || isNoSuchKey(error)) return false
  const { status } = failureOf(error.cause)
  return (statuses.length === 0 ? UNTOLD : statuses).includes(status ?? 0)
}

const UNTOLD: readonly number[] = [301, 400, 403, 404]

/** The error of a store for one of the SDK; ours, and bugs, pass. */
export function s3Error(error: unknown, store: string, doing: string): unknown {
  if (error instanceof StewardError) return error
  const failure = failureOf(error)
  const { name, code, status } = failure
  const what = `Store ${store} could not ${doing}`
  const details = { store, s3Code: wordOf(name), httpStatus: status ?? null }
  if (error instanceof Error && error.message === 'Region is missing') {
    return new UsageError({
      code: 'no-region',
      message: `${what}: its region is not known`,
      hint: 'Set region for the store in the profile, or AWS_REGION',
      cause: error,
    })
  }
  if (CREDENTIALS.includes(name)) {
    return new StoreConnectionError({
      code: 'store-credentials',
      message: `${what}: ${wordsOf(failure)}`,
      hint: 'Give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role of the machine',
      details,
      cause: error,
    })
  }
  if (
    status === undefined &&
    (NO_ANSWER.includes(name) ||
      NO_ANSWER.includes(code) ||
      /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code))
  ) {
    return new StoreConnectionError({
      code: 'store-unreachable',
      message: `${what}: ${wordsOf(failure)}`,
      hint: 'See that the endpoint of the store is right and its server up; run the command again',
      details: { store, errno: wordOf(code === '' ? name : code) },
      cause: error,
    })
  }
  if (status === undefined) return error
  return new OperationError({
    code: codeFor(failure),
    message: `${what}: ${wordsOf(failure)}`,
    hint: hintFor(failure),
    details,
    cause: error,
  })
}

/** The same for one key of a batch. */
export function reasonOfCode(code: string | undefined): string {
  return wordsOf({ name: code ?? '', code: '', status: undefined })
}

function codeFor({ name, status }: S3Failure): string {
  if (name === 'NoSuchBucket') return 'no-such-bucket'
  if (status === 403) return 'store-denied'
  if (isSlow(name, status)) return 'store-busy'
  return 'store-failed'
}

function hintFor({ name, status }: S3Failure): string {
  if (name === 'NoSuchBucket') return 'Correct the bucket of the store in the profile, or create it'
  if (REGION.includes(name) || status === 301)
    return 'Set region for the store in the profile to the one of its bucket'
  if (status === 403)
    return 'Allow s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject below it'
  return 'Run the command again later; what was done stays done'
}

function wordsOf({ name, code, status }: S3Failure): string {
  if (name === 'NoSuchBucket') return 'there is no such bucket'
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') return 'no credentials were found'
  if (CREDENTIALS.includes(name)) return `its server refused the credentials (${name})`
  if (REGION.includes(name) || status === 301) return 'the bucket is in another region'
  if (name === 'AccessDenied' || status === 403) return 'its server denied access (403)'
  if (isSlow(name, status)) return 'its server asked to slow down (503)'
  // The SDK calls a broken connection a timeout, since it tries again after both.
  if (['ECONNRESET', 'EPIPE'].includes(code)) return `its server broke the connection (${code})`
  if (name === 'TimeoutError' || code === 'ETIMEDOUT' || name === 'AbortError')
    return 'its server did not answer in time'
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(code)) return 'the name of its server is not known'
  if (code !== '' && status === undefined) return `no connection to its server (${wordOf(code)})`
  const word = wordOf(name)
  return `its server answered ${[status, word].filter((part) => part !== undefined && part !== '').join(' ') || 'an error'}`
}

function isSlow(name: string, status: number | undefined): boolean {
  return SLOW.includes(name) || status === 503 || status === 429
}

/** Error codes are words; whatever else a server sends in their place is left out. */
function wordOf(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(name) ? name : ''
}
