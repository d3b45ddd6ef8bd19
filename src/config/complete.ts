/** From the parts that a source gives to a whole endpoint. */
import type { Endpoint } from './config.ts'
import { defaultCertificates, defaultHost, partsFromService } from './libpq.ts'
import { type EndpointParts, orElse, type Sourced } from './parts.ts'
import { passwordFromPassFile } from './passwords.ts'
import { expandPath, type Machine, osUserName } from './paths.ts'
import type { Findings } from './report.ts'

const DEFAULT_PORT = 5432
/** Seconds. */
const DEFAULT_CONNECT_TIMEOUT = 10
const DEFAULT_ORIGIN = 'default'

/**
 * Fills what is missing: the service's section, what `more` offers, ~/.pgpass, libpq's own defaults.
 *
 * @param more parts that may complete the source's, e.g. PG* variables
 * @param path prefix for the origins: empty for the target, `direct.`, `replica.`
 */
export async function completeEndpoint(
  given: EndpointParts,
  more: EndpointParts,
  path: string,
  context: { readonly machine: Machine; readonly cwd: string; readonly findings: Findings },
): Promise<Endpoint> {
  const { machine, cwd, findings } = context
  const service = given.service ?? more.service
  const fromService = service ? await partsFromService(service, machine, findings.problem) : {}
  const certificates = await defaultCertificates(machine)
  const parts = orElse(orElse(orElse(given, fromService), more), certificates)

  const keep = <T>(name: string, sourced: Sourced<T>) => findings.keep(`${path}${name}`, sourced)
  const fallback = <T>(value: T): Sourced<T> => ({ value, origin: DEFAULT_ORIGIN })
  const file = (sourced: Sourced<string>): Sourced<string> =>
    sourced.value === 'system'
      ? sourced
      : { ...sourced, value: expandPath(sourced.value, cwd, machine.homeDirectory) }

  const port = keep('port', parts.port ?? fallback(DEFAULT_PORT))
  const host = keep('host', parts.host ?? fallback(await defaultHost(port, machine.platform)))
  const user = keep('user', parts.user ?? { value: osUserName(machine.env), origin: 'name of the OS user' })
  const database = keep('database', parts.database ?? { value: user, origin: 'same as the user' })
  const password =
    parts.password ??
    (await passwordFromPassFile({ host, port, database, user }, parts.passFile?.value, machine, findings.warn))
  // The well-known authorities sign for anybody, so only the host's name makes their word worth something.
  const usual = parts.sslRootCert?.value === 'system' ? 'verify-full' : 'prefer'
  return {
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password: keep('password', password) }),
    sslMode: keep('sslMode', parts.sslMode ?? fallback(usual)),
    ...(parts.sslRootCert === undefined ? {} : { sslRootCert: keep('sslRootCert', file(parts.sslRootCert)) }),
    ...(parts.sslCert === undefined ? {} : { sslCert: keep('sslCert', file(parts.sslCert)) }),
    ...(parts.sslKey === undefined ? {} : { sslKey: keep('sslKey', file(parts.sslKey)) }),
    ...(parts.options === undefined ? {} : { options: keep('options', parts.options) }),
    connectTimeout: keep('connectTimeout', parts.connectTimeout ?? fallback(DEFAULT_CONNECT_TIMEOUT)),
  }
}

/** The endpoint's parts, for another endpoint of the same cluster to fall back on. */
export function partsOf(endpoint: Endpoint, origin: string): EndpointParts {
  const sourced = <T>(value: T): Sourced<T> => ({ value, origin })
  const { user, database, password, sslMode, sslRootCert, sslCert, sslKey, connectTimeout } = endpoint
  return {
    user: sourced(user),
    database: sourced(database),
    ...(password === undefined ? {} : { password: sourced(password) }),
    sslMode: sourced(sslMode),
    ...(sslRootCert === undefined ? {} : { sslRootCert: sourced(sslRootCert) }),
    ...(sslCert === undefined ? {} : { sslCert: sourced(sslCert) }),
    ...(sslKey === undefined ? {} : { sslKey: sourced(sslKey) }),
    connectTimeout: sourced(connectTimeout),
  }
}
