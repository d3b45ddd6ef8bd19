/**
 * Which source says where the connection goes. Exactly one does: parts of different sources are never mixed, so that
 * a host from one place never meets a database name from another.
 */
import { dirname } from 'node:path'
import { type Profile, place } from './find.ts'
import { accessFromVariables, PG_TARGET, partsFromVariables } from './libpq.ts'
import { type EndpointParts, partsFromKeywords, present, type Sourced } from './parts.ts'
import { readPasswordFile } from './passwords.ts'
import { expandPath, type Machine, variable } from './paths.ts'
import type { Findings } from './report.ts'
import { parseUrl } from './url.ts'

/** Where the connection goes, and what may complete it. */
export interface Source {
  readonly given: EndpointParts
  readonly more: EndpointParts
  /** In words, for warnings. */
  readonly name: string
  readonly from: 'flag' | 'environment' | 'profile'
}

/** A URL from a flag or variable. As in libpq, PG* variables complete it, but not with another place. */
export function urlSource(url: string, name: string, machine: Machine, findings: Findings): Source {
  const { user } = partsFromVariables(machine, () => {})
  return {
    given: parseUrl(url, name, (reason) => findings.problem(name, reason)),
    more: { ...accessFromVariables(machine, findings.problem), ...present({ user }) },
    name,
    from: name.startsWith('--') ? 'flag' : 'environment',
  }
}

/**
 * The connection that the environment names without being asked to by Steward's own variables: `DATABASE_URL`, then
 * PG*, then what the platforms themselves read (`DATABASE_STRING`, `DB_HOST` and its kin).
 */
export function ambientSource(machine: Machine, findings: Findings): Source | undefined {
  const { env } = machine
  const url = variable(env, 'DATABASE_URL')
  if (url !== undefined) return urlSource(url, 'DATABASE_URL', machine, findings)
  const named = PG_TARGET.find((name) => variable(env, name) !== undefined)
  if (named !== undefined) {
    // As in libpq, what the service says goes before the other variables.
    const { service, ...more } = partsFromVariables(machine, findings.problem)
    return { given: present({ service }), more, name: named, from: 'environment' }
  }
  const text = variable(env, 'DATABASE_STRING')
  if (text !== undefined) return urlSource(text, 'DATABASE_STRING', machine, findings)
  return databaseVariables(machine, findings)
}

/** Variables of the source documents' own programs and their libpq keywords. */
const DB_VARIABLES: Readonly<Record<string, string>> = {
  host: 'DB_HOST',
  port: 'DB_PORT',
  dbname: 'DB_NAME',
  user: 'DB_USER',
  password: 'DB_PASSWORD',
  sslmode: 'DB_SSL_MODE',
}

function databaseVariables(machine: Machine, findings: Findings): Source | undefined {
  const { env } = machine
  const name = ['DB_HOST', 'DB_NAME'].find((candidate) => variable(env, candidate) !== undefined)
  if (name === undefined) return undefined
  const keywords = new Map<string, Sourced<string>>()
  for (const [keyword, origin] of Object.entries(DB_VARIABLES)) {
    const value = variable(env, origin)
    if (value !== undefined) keywords.set(keyword, { value, origin })
  }
  const given = partsFromKeywords(keywords, (keyword, reason) =>
    findings.problem(DB_VARIABLES[keyword] ?? keyword, reason),
  )
  return { given, more: accessFromVariables(machine, findings.problem), name, from: 'environment' }
}

/**
 * A profile's connection; undefined when it names none and means the embedded server. PG* variables may say how to get
 * in (password, TLS), never where or as whom.
 */
export async function profileSource(
  profile: Profile,
  machine: Machine,
  findings: Findings,
): Promise<Source | undefined> {
  const { settings, file, name } = profile
  const at = (key: string) => place(file, ['profiles', name, key])
  const sourced = <T>(key: string, value: T | undefined): Sourced<T> | undefined =>
    value === undefined ? undefined : { value, origin: at(key) }
  const path = (key: string, value: string | undefined) =>
    sourced(key, value === undefined || value === 'system' ? value : profilePath(profile, value, machine))

  const { url } = settings
  const places = (['host', 'port', 'database', 'user'] as const).filter((key) => settings[key] !== undefined)
  if (url === undefined && places.length === 0) return undefined
  for (const key of url === undefined ? [] : places) findings.problem(at(key), `${key} is already said by the url`)

  const fromUrl = url === undefined ? {} : profileUrl(profile, 'url', url, machine, findings)
  const given: EndpointParts = {
    ...fromUrl,
    ...present({
      ...(url === undefined
        ? {
            host: sourced('host', settings.host),
            port: sourced('port', settings.port),
            database: sourced('database', settings.database),
            user: sourced('user', settings.user),
          }
        : {}),
      password: fromUrl.password ?? (await filePassword(profile, machine, findings)),
      sslMode: sourced('sslMode', settings.sslMode) ?? fromUrl.sslMode,
      sslRootCert: path('sslRootCert', settings.sslRootCert) ?? fromUrl.sslRootCert,
      sslCert: path('sslCert', settings.sslCert) ?? fromUrl.sslCert,
      sslKey: path('sslKey', settings.sslKey) ?? fromUrl.sslKey,
      connectTimeout: sourced('connectTimeout', settings.connectTimeout) ?? fromUrl.connectTimeout,
    }),
  }
  return {
    given,
    more: accessFromVariables(machine, findings.problem),
    name: `profile ${name}`,
    from: 'profile',
  }
}

/** A URL that stands in a file, with a warning when it gives a password away. */
export function profileUrl(
  { name, file }: Profile,
  key: 'url' | 'directUrl' | 'replicaUrl',
  url: string,
  machine: Machine,
  findings: Findings,
): EndpointParts {
  const where = place(file, ['profiles', name, key])
  const parts = parseUrl(url, where, (reason) => findings.problem(`${where} ${key}`, reason))
  if (parts.password !== undefined && file.readableByOthers && machine.platform !== 'win32') {
    findings.warn(
      `${where}: the ${key} of profile ${name} holds a password, and others may read the file; ` +
        'use passwordFile or ~/.pgpass',
    )
  }
  return parts
}

async function filePassword(
  profile: Profile,
  machine: Machine,
  findings: Findings,
): Promise<Sourced<string> | undefined> {
  const { passwordFile } = profile.settings
  if (passwordFile === undefined) return undefined
  const origin = profilePath(profile, passwordFile, machine)
  const outcome = await readPasswordFile(origin, machine.platform)
  if ('reason' in outcome) {
    findings.problem(place(profile.file, ['profiles', profile.name, 'passwordFile']), outcome.reason)
    return undefined
  }
  if (outcome.readableByOthers) findings.warn(`${origin} may be read by others: chmod 600 ${origin}`)
  return { value: outcome.password, origin }
}

/** Paths in a file are relative to it, so that it means the same from every folder. */
function profilePath({ file }: Profile, path: string, machine: Machine): string {
  return expandPath(path, dirname(file.path), machine.homeDirectory)
}
