/**
 * Why a connection could not be had, each reason with its own line and hint (exit 3). Built from SQLSTATE, from
 * Node's error codes, and from the driver's own words where it has nothing better.
 */
import type { Endpoint } from '../config/config.ts'
import { ConnectionError, StewardError } from '../errors.ts'
import { isSocket, socketPath, whereIs } from './endpoint.ts'
import { type ServerError, serverError } from './sqlstate.ts'

/** The driver's password function throws this when the server asks and nobody has told one. */
export const NO_PASSWORD = 'no password is known'

interface Reason {
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** @returns a ConnectionError, whatever the failure was; errors of ours pass through */
export function fromConnecting(error: unknown, endpoint: Endpoint): StewardError {
  if (error instanceof StewardError) return error
  const reason = fromServer(error, endpoint) ?? fromNetwork(error, endpoint) ?? fromDriver(error, endpoint)
  return new ConnectionError({ ...reason, cause: error, details: { host: endpoint.host, port: endpoint.port } })
}

/** What a reason is told in. */
interface Facts {
  readonly endpoint: Endpoint
  /** The server's address, as messages give it. */
  readonly where: string
  /** The server's own words, or Node's code. */
  readonly said: string
}

interface Cause {
  /** True where SQLSTATE or code is not enough to tell. */
  readonly when?: (refusal: ServerError) => boolean
  readonly reason: (facts: Facts) => Reason
}

/** The server's message holds these words. */
const saying = (words: RegExp) => (refusal: ServerError) => words.test(refusal.message)

/** By SQLSTATE, the first that applies. */
const SERVER_CAUSES: Readonly<Record<string, readonly Cause[]>> = {
  '28P01': [
    {
      reason: ({ endpoint, where }) => ({
        code: 'wrong-password',
        message: `${where} refused the password of user ${endpoint.user}`,
        hint: 'Check the user and password; steward config show tells where each came from',
      }),
    },
  ],
  '28000': [
    {
      when: saying(/valid client certificate/),
      reason: ({ endpoint, where }) => ({
        code: 'client-certificate-needed',
        message: `${where} asks for a client certificate from user ${endpoint.user}`,
        hint: 'Set sslCert and sslKey (or PGSSLCERT and PGSSLKEY)',
      }),
    },
    {
      when: ({ routine, message }) =>
        routine === 'InitializeSessionUserId' || /^role .* (does not exist|is not permitted)/.test(message),
      reason: ({ endpoint, where }) => ({
        code: 'role-missing',
        message: `There is no role ${endpoint.user} at ${where} that may log in`,
        hint: 'Check the user name, or have the role made: CREATE ROLE … LOGIN',
      }),
    },
    {
      when: saying(/authentication failed/),
      reason: ({ endpoint, where, said }) => ({
        code: 'authentication-failed',
        message: `${where} does not accept user ${endpoint.user} the way its pg_hba.conf asks for (${said})`,
        hint: 'Connect as the role that the server expects, or over TCP with a password',
      }),
    },
    {
      reason: ({ endpoint: { user, database }, where }) => ({
        code: 'not-admitted',
        message: `${where} does not admit user ${user} to database ${database} from here (pg_hba.conf)`,
        hint: 'Have an entry added to pg_hba.conf, or check user, database and sslMode',
      }),
    },
  ],
  '3D000': [
    {
      reason: ({ endpoint: { database }, where }) => ({
        code: 'database-missing',
        message: `There is no database ${database} at ${where}`,
        hint: `Check the name, or create it: CREATE DATABASE "${database.replaceAll('"', '""')}"`,
      }),
    },
  ],
  '42501': [
    {
      reason: ({ endpoint: { user, database }, where }) => ({
        code: 'connect-denied',
        message: `User ${user} may not connect to database ${database} at ${where}`,
        hint: `Have the privilege granted: GRANT CONNECT ON DATABASE … TO ${user}`,
      }),
    },
  ],
  '55000': [
    {
      reason: ({ endpoint, where }) => ({
        code: 'database-closed',
        message: `Database ${endpoint.database} at ${where} does not accept connections`,
        hint: 'Connect to another database, or have ALLOW_CONNECTIONS set',
      }),
    },
  ],
  '53300': [
    {
      reason: ({ endpoint, where }) => ({
        code: 'too-many-connections',
        message: `${where} has no connection left for user ${endpoint.user}`,
        hint: 'Try again later, lower poolSize, or end idle sessions (pg_stat_activity)',
      }),
    },
  ],
  '57P03': [
    {
      when: saying(/shutting down/),
      reason: ({ where }) => ({
        code: 'shutting-down',
        message: `The server at ${where} is shutting down`,
        hint: 'Try again when it is back',
      }),
    },
    {
      reason: ({ where }) => ({
        code: 'starting-up',
        message: `The server at ${where} is starting up and takes no connections yet`,
        hint: 'Try again in a moment; a recovery after a crash can take longer',
      }),
    },
  ],
  '08P01': [
    {
      when: saying(/startup parameter/),
      reason: ({ where }) => ({
        code: 'pooler-refused',
        message: `${where} is a connection pooler and refused the session's settings`,
        hint: 'Set pooler: true in the profile, and directUrl for migrations',
      }),
    },
  ],
}

/** The server, or a pooler, said no. */
function fromServer(error: unknown, endpoint: Endpoint): Reason | undefined {
  const refusal = serverError(error)
  if (refusal === undefined) return undefined
  const where = whereIs(endpoint)
  const cause = SERVER_CAUSES[refusal.sqlstate]?.find(({ when }) => when?.(refusal) ?? true)
  return (
    cause?.reason({ endpoint, where, said: refusal.message }) ?? {
      code: 'connection-refused-by-server',
      message: `${where} refused the connection: ${refusal.message} (SQLSTATE ${refusal.sqlstate})`,
      hint: 'The server log may say more',
    }
  )
}

/** Codes of Node.js and the system, the first row that has the code. */
const NETWORK_CAUSES: readonly (readonly [codes: RegExp, reason: (facts: Facts) => Reason])[] = [
  [
    /^(ENOTFOUND|EAI_AGAIN|EAI_NODATA|EAI_NONAME)$/,
    ({ endpoint, said }) => ({
      code: 'unknown-host',
      message: `The host name ${endpoint.host} cannot be resolved`,
      hint:
        said === 'EAI_AGAIN'
          ? 'Check the name and the network (DNS did not answer)'
          : 'Check the spelling of the host',
    }),
  ],
  [
    /^(ENOENT|ENOTDIR)$/,
    ({ endpoint }) => ({
      code: 'socket-missing',
      message: `There is no server socket ${socketPath(endpoint)}`,
      hint: 'Check that the server runs, and the socket directory and port',
    }),
  ],
  [
    /^(EACCES|EPERM)$/,
    ({ where }) => ({
      code: 'socket-denied',
      message: `You may not use ${where}`,
      hint: 'Check the permissions of the socket and its directory',
    }),
  ],
  [
    /^ECONNREFUSED$/,
    ({ endpoint, where }) => ({
      code: 'connection-refused',
      message: isSocket(endpoint) ? `No server listens on ${where}` : `Nothing listens on ${where}`,
      hint: 'Check that the server runs, and host and port',
    }),
  ],
  [/^ETIMEDOUT$/, ({ endpoint }) => timedOut(endpoint)],
  [
    /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/,
    ({ where }) => ({
      code: 'host-unreachable',
      message: `There is no route to ${where}`,
      hint: 'Check the network, the VPN and the address',
    }),
  ],
  [/^(ECONNRESET|EPIPE)$/, ({ endpoint }) => closedEarly(endpoint)],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    ({ where }) => ({
      code: 'tls-host-mismatch',
      message: `The TLS certificate of ${where} is for another host`,
      hint: 'Connect by the name in the certificate, or set sslMode to verify-ca',
    }),
  ],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    ({ where, said }) => ({
      code: 'tls-certificate-expired',
      message: `The TLS certificate of ${where} ${said === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}`,
      hint: "Have the server's certificate renewed, or check the clock of this machine",
    }),
  ],
  [
    // Certificate verification (Node.js manual, "X509 certificate error codes").
    /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|CRL_|INVALID_|HOSTNAME_|PATH_LENGTH_|ERROR_IN_C)/,
    ({ where, said }) => ({
      code: 'tls-certificate-refused',
      message: `The TLS certificate of ${where} is not signed by an authority that is trusted (${said})`,
      hint: 'Set sslRootCert (or PGSSLROOTCERT) to the PEM file of the authority that signed it',
    }),
  ],
  [
    /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO)/,
    ({ where, said }) => ({
      code: 'tls-failed',
      message: `TLS with ${where} failed (${said})`,
      hint: 'Check sslCert and sslKey, and that both sides have a TLS version in common',
    }),
  ],
]

/** The network, or TLS, did. */
function fromNetwork(error: unknown, endpoint: Endpoint): Reason | undefined {
  const code = codeOf(error)
  if (code === undefined) return undefined
  const [, reason] = NETWORK_CAUSES.find(([codes]) => codes.test(code)) ?? []
  return reason?.({ endpoint, where: whereIs(endpoint), said: code })
}

/** The driver gave up on its own; its errors have no code. */
function fromDriver(error: unknown, endpoint: Endpoint): Reason {
  const text = error instanceof Error ? error.message : ''
  const where = whereIs(endpoint)
  if (text === NO_PASSWORD || /password must be a (non-empty )?string/.test(text)) {
    return {
      code: 'password-needed',
      message: `${where} asks user ${endpoint.user} for a password, and none is configured`,
      hint: 'Set PGPASSWORD, add a line to ~/.pgpass, or name a passwordFile in the profile',
    }
  }
  if (/timeout/.test(text)) return timedOut(endpoint)
  if (/does not support SSL/.test(text)) {
    return {
      code: 'tls-unsupported',
      message: `${where} does not offer TLS, and sslmode ${endpoint.sslMode} insists on it`,
      hint: 'Have TLS switched on at the server, or set sslMode to prefer or disable',
    }
  }
  if (/establishing an SSL connection/.test(text)) {
    return {
      code: 'not-postgresql',
      message: `What listens on ${where} does not speak PostgreSQL`,
      hint: 'Check host and port',
    }
  }
  if (/^SASL/.test(text)) {
    return {
      code: 'authentication-failed',
      message: `Authentication with ${where} as ${endpoint.user} failed (${text})`,
      hint: 'Check the password, and the authentication method in pg_hba.conf',
    }
  }
  if (/Connection terminated/.test(text)) return closedEarly(endpoint)
  return {
    code: 'connection-failed',
    message: `The connection to ${where} failed${text === '' ? '' : `: ${text}`}`,
    hint: 'Check host, port and sslMode',
  }
}

function timedOut(endpoint: Endpoint): Reason {
  return {
    code: 'connect-timeout',
    message: `${whereIs(endpoint)} did not answer within ${endpoint.connectTimeout} s`,
    hint: 'Check host, port and firewall, or raise connectTimeout (PGCONNECT_TIMEOUT)',
  }
}

function closedEarly(endpoint: Endpoint): Reason {
  return {
    code: 'closed-during-login',
    message: `${whereIs(endpoint)} closed the connection before the login was complete`,
    hint: 'Check that host and port lead to PostgreSQL, and the server log',
  }
}

/** Node's code; of an attempt on several addresses, the one they share or the first. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined
}
