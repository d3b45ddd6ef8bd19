/** An endpoint in the making: each part with where it came from, until nothing is missing. */
import type { SslMode } from './config.ts'

/** A value and where it came from, in the words of `config show`. */
export interface Sourced<T> {
  readonly value: T
  readonly origin: string
}

export interface EndpointParts {
  readonly host?: Sourced<string>
  readonly port?: Sourced<number>
  readonly database?: Sourced<string>
  readonly user?: Sourced<string>
  readonly password?: Sourced<string>
  readonly sslMode?: Sourced<SslMode>
  readonly sslRootCert?: Sourced<string>
  readonly sslCert?: Sourced<string>
  readonly sslKey?: Sourced<string>
  readonly options?: Sourced<string>
  /** Seconds; 0 waits for ever. */
  readonly connectTimeout?: Sourced<number>
  /** Password file in the format of ~/.pgpass. */
  readonly passFile?: Sourced<string>
  /** Name of a section of the service file. */
  readonly service?: Sourced<string>
  /** A transaction pooler, as `?pgbouncer=true` says. */
  readonly pooler?: Sourced<boolean>
}

export const SSL_MODES: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** The parts of `first`, completed by those of `second` that it lacks. */
export function orElse(first: EndpointParts, second: EndpointParts): EndpointParts {
  return { ...second, ...first }
}

/** The parts that only say how to get in: password, TLS, timeout. */
export function withoutIdentity(parts: EndpointParts): EndpointParts {
  const { host: _host, port: _port, database: _database, user: _user, service: _service, ...access } = parts
  return access
}

/**
 * Parts from libpq's keywords (PostgreSQL manual, 34.1.2), as a URL, a service file and PG* variables share them.
 *
 * @param problem told why a value cannot be used; never the value itself where it is a password
 */
export function partsFromKeywords(
  keywords: ReadonlyMap<string, Sourced<string>>,
  problem: (keyword: string, reason: string) => void,
): EndpointParts {
  const text = (keyword: string) => keywords.get(keyword)
  const number = (keyword: string, lowest: number, highest: number): Sourced<number> | undefined => {
    const found = keywords.get(keyword)
    if (found === undefined) return undefined
    const value = /^\d+$/.test(found.value.trim()) ? Number(found.value) : Number.NaN
    if (value >= lowest && value <= highest) return { ...found, value }
    problem(keyword, `must be a whole number from ${lowest} to ${highest}`)
    return undefined
  }
  const sslMode = (): Sourced<SslMode> | undefined => {
    const found = keywords.get('sslmode')
    if (found === undefined) return undefined
    const value = SSL_MODES.find((mode) => mode === found.value)
    if (value !== undefined) return { ...found, value }
    problem('sslmode', `must be one of ${SSL_MODES.join(', ')}`)
    return undefined
  }
  const host = text('hostaddr') ?? text('host')
  if (host?.value.includes(',')) problem('host', 'must be one host; a list of hosts is not supported')
  return present({
    host,
    port: number('port', 1, 65_535),
    database: text('dbname'),
    user: text('user'),
    password: text('password'),
    sslMode: sslMode(),
    sslRootCert: text('sslrootcert'),
    sslCert: text('sslcert'),
    sslKey: text('sslkey'),
    options: text('options'),
    connectTimeout: number('connect_timeout', 0, 86_400),
    passFile: text('passfile'),
    service: text('service'),
  })
}

/** The object without members that are undefined, as exact optional properties want it. */
export function present<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
