/** Secrets made at creation (decision 9): random, shown once, stored as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto'
import type { IssuedSecret } from '../model/entity.ts'
import type { Values } from './input.ts'

/** Name of the column that carries a new secret in the output of `create`. */
export const SECRET_COLUMN = 'secret'

/** Random bytes of a secret: 256 bits. */
const SECRET_BYTES = 32
/** Characters of the secret, after its fixed start, by which a person recognises it. */
const RECOGNISABLE = 8

export interface Issued {
  readonly secret: string
  /** What is stored of it. */
  readonly values: Values
}

/** Makes a secret as an entity declares it. */
export function issueSecret(declared: IssuedSecret): Issued {
  const secret = `${declared.startsWith}${randomBytes(SECRET_BYTES).toString('base64url')}`
  return {
    secret,
    values: {
      [declared.hash]: createHash('sha256').update(secret).digest('hex'),
      [declared.prefix]: secret.slice(0, declared.startsWith.length + RECOGNISABLE),
    },
  }
}
