/** libpq's sslmode (PostgreSQL manual, 34.19.1 and table 34.1) in terms of Node's TLS. */
import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import type { Endpoint } from '../config/config.ts'
import { ConnectionError } from '../errors.ts'
import { isSocket, whereIs } from './endpoint.ts'

/** One way to open a connection; `tls` absent means in the clear. */
export interface Attempt {
  readonly tls?: ConnectionOptions
}

/**
 * The ways to try, in order. `allow` and `prefer` have two; TLS is never used on a Unix socket.
 *
 * @throws ConnectionError when a certificate file cannot be read or a verifying mode has no authority to trust
 */
export async function attemptsFor(endpoint: Endpoint): Promise<readonly Attempt[]> {
  if (isSocket(endpoint) || endpoint.sslMode === 'disable') return [{}]
  const tls = { tls: await tlsOptions(endpoint) }
  if (endpoint.sslMode === 'allow') return [{}, tls]
  if (endpoint.sslMode === 'prefer') return [tls, {}]
  return [tls]
}

async function tlsOptions(endpoint: Endpoint): Promise<ConnectionOptions> {
  const { sslMode, sslRootCert, sslCert, sslKey } = endpoint
  const verifies = sslMode === 'verify-ca' || sslMode === 'verify-full'
  if (verifies && sslRootCert === undefined) {
    throw new ConnectionError({
      code: 'tls-root-missing',
      message: `sslmode ${sslMode} needs the certificate authority of ${whereIs(endpoint)}, and none is configured`,
      hint: 'Set sslRootCert (or PGSSLROOTCERT) to the PEM file of the authority, or to system for the well-known ones',
    })
  }
  const [ca, cert, key] = await Promise.all([
    sslRootCert === undefined || sslRootCert === 'system' ? undefined : readPem(sslRootCert, 'root certificate'),
    sslCert === undefined ? undefined : readPem(sslCert, 'client certificate'),
    sslKey === undefined ? undefined : readPem(sslKey, 'client key'),
  ])
  return {
    // As in libpq, `require` verifies the chain as soon as a root certificate is there.
    rejectUnauthorized: verifies || (sslMode === 'require' && sslRootCert !== undefined),
    ...(sslMode === 'verify-full' || sslRootCert === 'system' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

async function readPem(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConnectionError({
      code: 'tls-file-unreadable',
      message: `The ${what} ${path} cannot be read`,
      hint: 'Check that the file exists and that you may read it',
      cause,
    })
  }
}
