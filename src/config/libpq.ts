/** What libpq finds in the environment: PG* variables, the service file, the default certificates. */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nearest } from '../model/nearest.ts'
import { type EndpointParts, partsFromKeywords, present, type Sourced, withoutIdentity } from './parts.ts'
import { type Machine, variable } from './paths.ts'
import { KEYWORDS } from './url.ts'

/** Tells of a wrong value: where it stands and why. */
export type Report = (where: string, reason: string) => void

/** PG* variables and their keywords (PostgreSQL manual, 34.15). */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGPASSFILE: 'passfile',
  PGSERVICE: 'service',
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGOPTIONS: 'options',
  PGCONNECT_TIMEOUT: 'connect_timeout',
}

/** Variables that say which database is meant; the others only say how to get in. */
export const PG_TARGET = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGDATABASE', 'PGSERVICE'] as const

/** The parts that PG* variables give. */
export function partsFromVariables({ env }: Machine, report: Report): EndpointParts {
  const keywords = new Map<string, Sourced<string>>()
  const nameOf = new Map<string, string>()
  for (const [name, keyword] of Object.entries(VARIABLES)) {
    const value = variable(env, name)
    nameOf.set(keyword, name)
    if (value !== undefined) keywords.set(keyword, { value, origin: name })
  }
  return partsFromKeywords(keywords, (keyword, reason) => report(nameOf.get(keyword) ?? keyword, reason))
}

/**
 * What PG* variables say about getting in (password, TLS, timeout), for a source that says where. Mistakes in the
 * others do not matter then; a mistyped PGSSLMODE does, since the connection would be less safe than was asked for.
 */
export function accessFromVariables(machine: Machine, report: Report): EndpointParts {
  const targets: readonly string[] = PG_TARGET
  const parts = partsFromVariables(machine, (where, reason) => {
    if (!targets.includes(where)) report(where, reason)
  })
  return withoutIdentity(parts)
}

/**
 * The section of the service file (PostgreSQL manual, 34.17): PGSERVICEFILE or ~/.pg_service.conf, then the one for
 * the whole machine.
 */
export async function partsFromService(
  service: Sourced<string>,
  machine: Machine,
  report: Report,
): Promise<EndpointParts> {
  const { env, homeDirectory } = machine
  const machineWide = [variable(env, 'PGSYSCONFDIR'), '/etc/postgresql-common', '/etc/postgresql']
  const files = [
    variable(env, 'PGSERVICEFILE') ?? join(homeDirectory, '.pg_service.conf'),
    ...machineWide.filter((folder) => folder !== undefined).map((folder) => join(folder, 'pg_service.conf')),
  ]
  for (const file of files) {
    const keywords = sectionOf(await textOf(file), service.value, file, report)
    if (keywords) return partsFromKeywords(keywords, (keyword, reason) => report(`${file} ${keyword}`, reason))
  }
  report(service.origin, `names the service ${service.value}, which is in no service file (looked at ${files[0]})`)
  return {}
}

function sectionOf(
  text: string | undefined,
  service: string,
  file: string,
  report: Report,
): Map<string, Sourced<string>> | undefined {
  let keywords: Map<string, Sourced<string>> | undefined
  for (const [index, raw] of (text ?? '').split(/\r?\n/).entries()) {
    const line = raw.trim()
    const origin = `${file}:${index + 1}`
    const section = /^\[(.*)\]$/.exec(line)?.[1]
    if (section !== undefined) {
      if (keywords) break
      if (section === service) keywords = new Map()
    } else if (keywords && line !== '' && !line.startsWith('#')) {
      const equals = line.indexOf('=')
      const keyword = line.slice(0, Math.max(equals, 0)).trim()
      // A section may not name another service, as in libpq.
      if (KEYWORDS.includes(keyword) && keyword !== 'service') {
        // The first mention counts.
        if (!keywords.has(keyword)) keywords.set(keyword, { value: line.slice(equals + 1).trim(), origin })
      } else {
        const near = nearest(keyword, KEYWORDS)
        report(origin, `is not a setting of libpq${near === undefined ? '' : ` (did you mean ${near}?)`}`)
      }
    }
  }
  return keywords
}

/** Certificates that libpq finds by itself: ~/.postgresql/root.crt, postgresql.crt with postgresql.key. */
export async function defaultCertificates({ env, homeDirectory, platform }: Machine): Promise<EndpointParts> {
  const folder =
    platform === 'win32'
      ? join(variable(env, 'APPDATA') ?? homeDirectory, 'postgresql')
      : join(homeDirectory, '.postgresql')
  const found = async (name: string): Promise<Sourced<string> | undefined> => {
    const path = join(folder, name)
    return (await isThere(path)) ? { value: path, origin: 'default of libpq' } : undefined
  }
  const [sslRootCert, sslCert, sslKey] = await Promise.all(
    ['root.crt', 'postgresql.crt', 'postgresql.key'].map((name) => found(name)),
  )
  return present({ sslRootCert, ...(sslCert && sslKey ? { sslCert, sslKey } : {}) })
}

/** Where a server on this machine listens: its socket directory if one is there, as libpq's build has it. */
export async function defaultHost(port: number, platform: NodeJS.Platform): Promise<string> {
  if (platform !== 'win32') {
    for (const folder of ['/var/run/postgresql', '/run/postgresql', '/tmp']) {
      if (await isThere(join(folder, `.s.PGSQL.${port}`))) return folder
    }
  }
  return 'localhost'
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
