/**
 * Sealed fields (model, `Seal`): what a person gives is never stored as given.
 *
 * A password becomes a bcrypt hash. Any other secret is encrypted with AES-256-GCM (NIST SP 800-38D) under the key of
 * the profile (decision 35) and stored as `v1.<key id>.<nonce>.<ciphertext>.<tag>`, the last three in base64url. The
 * nonce is random, 96 bits, new for each value. The row that the value belongs to is authenticated with it, so that a
 * ciphertext that is copied to another row does not open there; and the id of the key stands before it, so that a wrong
 * key is recognised by name instead of by a failure that could mean anything.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { CredentialsKey } from '../config/credentials.ts'
import { InvalidValue } from '../errors.ts'
import type { Seal } from '../model/field.ts'
import type { Rule } from '../model/rule.ts'

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** log2 of bcrypt's rounds; about a quarter of a second. */
const BCRYPT_COST = 12
/** bcrypt reads no further; what is longer would be cut without a word. */
const BCRYPT_BYTES = 72
const SHORTEST_PASSWORD = 8

/** The one place that an encrypted value is for. */
export interface Place {
  readonly system: string
  readonly table: string
  readonly column: string
  /** Primary key of the row, as text. */
  readonly row: string
}

/** Why a text cannot be opened: `wrong-key` where another key sealed it, `damaged` where this one should have. */
export class Unopenable extends Error {
  readonly why: 'not-sealed' | 'wrong-key' | 'damaged'
  constructor(why: Unopenable['why'], message: string) {
    super(message)
    this.why = why
  }
}

/**
 * Encrypts a text for one place.
 *
 * @returns the text to store
 */
export function encrypt(text: string, { bytes, id }: CredentialsKey, place: Place): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', bytes, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(boundTo(place))
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return [VERSION, id, ...[nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join(
    '.',
  )
}

/**
 * Opens what `encrypt` made.
 *
 * @throws Unopenable with a reason that completes `… cannot be opened: it …`
 */
export function decrypt(sealed: string, { bytes, id }: CredentialsKey, place: Place): string {
  const sealedBy = keyIdOf(sealed)
  if (sealedBy === undefined) throw new Unopenable('not-sealed', 'is not a sealed text')
  if (sealedBy !== id) throw new Unopenable('wrong-key', `was sealed under key ${sealedBy}, and this is key ${id}`)
  const [nonce, ciphertext, tag] = sealed
    .split('.')
    .slice(2)
    .map((part) => Buffer.from(part, 'base64url'))
  try {
    if (nonce?.length !== NONCE_BYTES || tag?.length !== TAG_BYTES || !ciphertext) throw new Error('malformed')
    const decipher = createDecipheriv('aes-256-gcm', bytes, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(boundTo(place))
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  } catch {
    throw new Unopenable('damaged', 'is damaged, or was sealed for another row')
  }
}

/** The id of the key that a stored text is sealed under; undefined for what is no sealed text. */
export function keyIdOf(stored: string): string | undefined {
  return /^v1\.([0-9a-f]{8})(\.[\w-]*){3}$/.exec(stored)?.[1]
}

/** What is wrong with a text that is to be sealed; undefined when nothing is. Completes `password must …`. */
export function whyNotSealable({ by }: Seal, text: string): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return 'must not contain an unpaired surrogate'
  if (by === 'aes-256-gcm') return text === '' ? 'must not be empty' : undefined
  // Some implementations of bcrypt stop reading there.
  if (text.includes('\0')) return 'must not contain a NUL character'
  if ([...text].length < SHORTEST_PASSWORD) return `must have at least ${SHORTEST_PASSWORD} characters`
  if (Buffer.byteLength(text) <= BCRYPT_BYTES) return undefined
  return `must not be longer than ${BCRYPT_BYTES} bytes in UTF-8, since bcrypt reads no further`
}

/**
 * Checks a value that a file brings for a sealed field. A file of rows holds hashes, never passwords: what is there in
 * clear has leaked already, and what is encrypted was sealed for another row.
 *
 * @throws InvalidValue with the reason
 */
export function alreadySealed({ by, input }: Seal, given: unknown): string {
  if (by === 'aes-256-gcm') {
    throw new InvalidValue(`is sealed for its row and cannot come from a file of rows; use ${inputFlag(input)}`)
  }
  // Modular crypt format of bcrypt: version, cost, 22 characters of salt and 31 of hash.
  if (typeof given === 'string' && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(given)) return given
  throw new InvalidValue(`must be a bcrypt hash in a file; a ${input} in clear is given with ${inputFlag(input)}`)
}

/** `--password-file`. */
export function inputFlag(input: string): string {
  return `--${input.replaceAll('_', '-')}-file`
}

/**
 * A secret that was given and is not sealed yet. It travels among the values of a row until the row it is for is known,
 * and prints itself nowhere.
 */
export class Unsealed {
  readonly #seal: Seal
  readonly #text: string
  readonly #key: CredentialsKey | undefined
  #hash: Promise<string> | undefined

  /** @param key needed for what is encrypted */
  constructor(seal: Seal, text: string, key?: CredentialsKey) {
    this.#seal = seal
    this.#text = text
    this.#key = key
  }

  /** What is wrong with what was given; `rules` are those of the field. */
  whyNot(rules: readonly Rule[] = []): readonly string[] {
    const own = whyNotSealable(this.#seal, this.#text)
    const others = rules.flatMap(({ check }) => check(this.#text) ?? [])
    return [...(own === undefined ? [] : [own]), ...others]
  }

  /** The form in which it is stored, in this place and no other. */
  async sealedFor(place: Place): Promise<string> {
    if (this.#seal.by === 'aes-256-gcm') {
      if (this.#key === undefined) throw new Error('a secret to be encrypted came without a key')
      return encrypt(this.#text, this.#key, place)
    }
    // Kept, so that a transaction that is repeated does not hash again.
    this.#hash ??= hashPassword(this.#text)
    return this.#hash
  }

  toJSON(): string {
    return '***'
  }

  toString(): string {
    return '***'
  }
}

async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('bcryptjs')
  return hash(password, BCRYPT_COST)
}

/** JSON keeps the parts apart whatever they contain. */
function boundTo({ system, table, column, row }: Place): Buffer {
  return Buffer.from(JSON.stringify([VERSION, system, table, column, row]))
}
