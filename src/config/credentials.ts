/**
 * The key that sealed fields are encrypted with (decision 35): where it is configured, and reading it. It is read only
 * when something is sealed or opened.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { errorCode, UsageError } from '../errors.ts'
import type { Config } from './config.ts'
import { type Profile, place } from './find.ts'
import { isReadableByOthers } from './passwords.ts'
import { expandPath, type Machine, variable } from './paths.ts'
import type { Findings } from './report.ts'

const KEY = 'STEWARD_CREDENTIALS_KEY'
const KEY_FILE = 'STEWARD_CREDENTIALS_KEY_FILE'

/** AES-256. */
const KEY_BYTES = 32

/** Makes such a key, for hints. */
const HOW_TO_MAKE = 'openssl rand -base64 32'

/** A key by which fields are sealed and opened. */
export interface CredentialsKey {
  readonly bytes: Uint8Array
  /** Names the key without giving it away: the first 8 hexadecimal digits of its SHA-256. */
  readonly id: string
}

/** A key with what the operator should know of its source. */
export interface FoundKey {
  readonly key: CredentialsKey
  /** Variable or path. */
  readonly origin: string
  readonly warning?: string
}

/**
 * Where the key is: Steward's own variables, else the profile's `credentials.keyFile`. Whether a key in a variable has
 * the right form is checked at once; a file is left alone until it is needed.
 */
export function chooseCredentials(
  profile: Profile | undefined,
  { env, homeDirectory }: Machine,
  cwd: string,
  findings: Findings,
): Pick<Config, 'credentials'> {
  const key = variable(env, KEY)
  const file = variable(env, KEY_FILE)
  if (key !== undefined && file !== undefined) {
    findings.problem(KEY, `contradicts ${KEY_FILE}; set one of them`)
    return {}
  }
  if (key !== undefined) {
    if (keyFrom(key) === undefined) findings.problem(KEY, `must be ${KEY_BYTES} bytes as base64 or hex`)
    return { credentials: { key: findings.keep('credentials.key', { value: key, origin: KEY }) } }
  }
  const keep = (path: string, base: string, origin: string) => ({
    credentials: {
      keyFile: findings.keep('credentials.keyFile', { value: expandPath(path, base, homeDirectory), origin }),
    },
  })
  if (file !== undefined) return keep(file, cwd, KEY_FILE)
  const profiled = profile?.settings.credentials?.keyFile
  if (profile === undefined || profiled === undefined) return {}
  const origin = place(profile.file, ['profiles', profile.name, 'credentials', 'keyFile'])
  return keep(profiled, dirname(profile.file.path), origin)
}

/**
 * Reads the configured key.
 *
 * @throws UsageError (exit 2) when none is configured, or the file holds none
 */
export async function credentialsKey({ credentials }: Pick<Config, 'credentials'>): Promise<FoundKey> {
  if (credentials === undefined) {
    throw new UsageError({
      code: 'credentials-key-missing',
      message: 'No key is configured to seal and open credentials with',
      hint: `Set ${KEY_FILE} or the profile's credentials.keyFile to a file that holds one; ${HOW_TO_MAKE} makes one`,
    })
  }
  if ('keyFile' in credentials) return readKeyFile(credentials.keyFile)
  const key = keyFrom(credentials.key)
  if (key === undefined) throw noKey(KEY)
  return { key, origin: KEY }
}

/**
 * Reads a key from a file that holds nothing else.
 *
 * @throws UsageError (exit 2) when it cannot be read or holds no key
 */
export async function readKeyFile(path: string): Promise<FoundKey> {
  let text: string
  let exposed: boolean
  try {
    text = await readFile(path, 'utf8')
    exposed = await isReadableByOthers(path, process.platform)
  } catch (error) {
    const absent = errorCode(error) === 'ENOENT'
    throw new UsageError({
      code: 'credentials-key-unreadable',
      message: `The key file ${path} ${absent ? 'is not there' : 'cannot be read'}`,
      hint: `Name a file that you may read; ${HOW_TO_MAKE} makes a key`,
    })
  }
  const key = keyFrom(text)
  if (key === undefined) throw noKey(path)
  const warning = `${path} may be read by others: chmod 600 ${path}`
  return { key, origin: path, ...(exposed ? { warning } : {}) }
}

/** The key that a text holds: 64 hexadecimal digits, or base64 (RFC 4648, with either alphabet) of 32 bytes. */
export function keyFrom(text: string): CredentialsKey | undefined {
  const word = text.trim()
  const bytes = /^[0-9a-f]{64}$/i.test(word)
    ? Buffer.from(word, 'hex')
    : /^[\w+/-]{43}=?$/.test(word)
      ? Buffer.from(word, 'base64')
      : undefined
  if (bytes?.length !== KEY_BYTES) return undefined
  return { bytes, id: createHash('sha256').update(bytes).digest('hex').slice(0, 8) }
}

function noKey(where: string): UsageError {
  return new UsageError({
    code: 'credentials-key-invalid',
    message: `${where} holds no key: it must be ${KEY_BYTES} bytes as base64 or hex, and nothing else`,
    hint: `${HOW_TO_MAKE} makes a key`,
  })
}
