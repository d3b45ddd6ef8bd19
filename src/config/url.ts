/**
 * Connection URLs, read as libpq reads them (PostgreSQL manual, 34.1.1.2) rather than as web addresses: the host may be
 * a percent-encoded socket directory, and every parameter name is checked.
 */
import { nearest } from '../model/nearest.ts'
import type { Endpoint } from './config.ts'
import { type EndpointParts, orElse, partsFromKeywords, present, type Sourced } from './parts.ts'

/** libpq's keywords that mean something here. */
const USED = [
  'host',
  'hostaddr',
  'port',
  'dbname',
  'user',
  'password',
  'passfile',
  'service',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'options',
  'connect_timeout',
]

/** libpq's further keywords (PostgreSQL manual, 34.1.2): legal, and without a meaning for this program. */
const IGNORED = [
  'application_name',
  'fallback_application_name',
  'channel_binding',
  'client_encoding',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'krbsrvname',
  'load_balance_hosts',
  'min_protocol_version',
  'max_protocol_version',
  'require_auth',
  'sslcertmode',
  'sslcompression',
  'sslcrl',
  'sslcrldir',
  'sslnegotiation',
  'sslsni',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
  'target_session_attrs',
  'tcp_user_timeout',
]

/** Parameters of drivers that people paste along, and what they say in libpq's words. */
const OTHERS: Readonly<Record<string, (value: string) => readonly [string, string] | undefined>> = {
  ssl: (value) => (value === 'true' ? ['sslmode', 'require'] : undefined),
  pgbouncer: (value) => (value === 'true' ? ['pooler', 'true'] : undefined),
}

/** The keywords that a service file may hold besides. */
export const KEYWORDS: readonly string[] = [...USED, ...IGNORED]

/**
 * Reads `postgresql://user:password@host:port/database?parameters`. A driver's name after the scheme, as SQLAlchemy
 * writes it (`postgresql+psycopg://`), is passed over.
 *
 * @param origin where the URL stands, kept with each part
 * @param problem told what is wrong with it; never a part of the URL that could be a secret
 */
export function parseUrl(url: string, origin: string, problem: (reason: string) => void): EndpointParts {
  const [, scheme, rest] = /^([A-Za-z][\w+.-]*):\/\/(.*)$/s.exec(url.trim()) ?? []
  if (scheme === undefined || rest === undefined) {
    problem('must be a URL such as postgresql://user@host:5432/database')
    return {}
  }
  if (!/^postgres(ql)?(\+\w+)?$/i.test(scheme)) {
    problem(`has the scheme ${scheme}://, and only postgresql:// is understood`)
    return {}
  }
  const [, authority = '', path = '', query = ''] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? []
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch {
      problem('holds a % that is not followed by two hexadecimal digits (write %25 for a percent sign)')
      return ''
    }
  }
  const keywords = new Map<string, Sourced<string>>()
  const put = (keyword: string, text: string) => {
    if (text !== '') keywords.set(keyword, { value: decode(text), origin })
  }

  const at = authority.indexOf('@')
  const [user = '', ...password] = at < 0 ? [] : authority.slice(0, at).split(':')
  put('user', user)
  put('password', password.join(':'))
  const place = authority.slice(at + 1)
  if (place.includes('@')) problem('holds more than one @; write %40 for one inside the password')
  else if (place.includes(',')) problem('names several hosts; only one is supported')
  else {
    const [, bracketed, bare = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(place) ?? []
    put('host', bracketed ?? bare)
    put('port', port)
  }
  put('dbname', path)

  let pooler: Sourced<boolean> | undefined
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : pair.slice(equals + 1)
    const other = Object.hasOwn(OTHERS, name) ? OTHERS[name]?.(decode(value)) : undefined
    if (other?.[0] === 'pooler') pooler = { value: true, origin }
    else if (other !== undefined) put(...other)
    else if (USED.includes(name)) put(name, value)
    else if (!IGNORED.includes(name)) {
      const near = nearest(name, KEYWORDS)
      problem(`has the unknown parameter ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}`)
    }
  }
  const parts = partsFromKeywords(keywords, (keyword, reason) => problem(`has a ${keyword} that ${reason}`))
  return orElse(parts, present({ pooler }))
}

/** The endpoint as a URL for people: the password, where there is one, is `***`. */
export function describeEndpoint(endpoint: Endpoint): string {
  const { host, port, user, password, database, sslMode } = endpoint
  const who = `${encodeURIComponent(user)}${password === undefined ? '' : ':***'}`
  if (host.startsWith('/')) return `postgresql://${who}@/${encodeURIComponent(database)}?host=${host}&port=${port}`
  const place = host.includes(':') ? `[${host}]` : host
  return `postgresql://${who}@${place}:${port}/${encodeURIComponent(database)}?sslmode=${sslMode}`
}
