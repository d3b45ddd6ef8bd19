/** Everything of the configuration that is not the connection itself. */
import { InvalidValue } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import { type Config, ENVIRONMENTS, type Environment } from './config.ts'
import { chooseCredentials } from './credentials.ts'
import { type Profile, place } from './find.ts'
import { chooseMaintenance } from './maintenance.ts'
import type { Sourced } from './parts.ts'
import { type Machine, variable } from './paths.ts'
import type { Findings } from './report.ts'
import { chooseStores } from './stores.ts'
import { parseCount, parseSwitch, parseTimeout, refuseSchema } from './values.ts'

/** Milliseconds. */
const STATEMENT_TIMEOUT = 60_000
/** Milliseconds; the longest that DDL and maintenance may queue behind others (design, "Database conventions"). */
const LOCK_TIMEOUT = 1000
const POOL_SIZE = 4
const MOST_CONNECTIONS = 100

type Settings = Pick<
  Config,
  | 'environment'
  | 'system'
  | 'schemas'
  | 'stores'
  | 'statementTimeoutMs'
  | 'lockTimeoutMs'
  | 'poolSize'
  | 'credentials'
  | 'retention'
  | 'maintenance'
  | 'cold'
>

/** Schema of one system: `STEWARD_SCHEMA_SKYVERN=tenant_7`. */
const SCHEMA_VARIABLE = 'STEWARD_SCHEMA_'

/** Where a key of the profile stands; empty without a profile. */
export type At = (...path: string[]) => string

/** The places that a setting may come from, of the profile and machine at hand. */
export interface Sources {
  readonly settings: Profile['settings'] | undefined
  readonly at: At
  /** A variable that cannot be read becomes a problem, and counts as not set. */
  fromVariable<T>(name: string, parse: (raw: string) => T): Sourced<T> | undefined
  fromProfile<T>(key: string, value: T | undefined): Sourced<T> | undefined
  /** The first by precedence: Steward's own variable, that of another program, the profile. */
  pick<T>(own?: Sourced<T>, others?: Sourced<T>, profiled?: Sourced<T>): Sourced<T> | undefined
}

/**
 * Settings by precedence: Steward's own variables, then the variables of other programs, then the profile. A profile
 * that was named explicitly goes before the variables of other programs, since those were not set for it.
 *
 * @param cwd what relative paths in variables begin from
 */
export function resolveSettings(
  profile: Profile | undefined,
  explicit: boolean,
  machine: Machine,
  cwd: string,
  findings: Findings,
): Settings {
  const sources = sourcesOf(profile, explicit, machine, findings)
  const { settings, at, fromVariable, fromProfile, pick } = sources
  const claimed = fromVariable('STEWARD_ENVIRONMENT', parseEnvironment)
  const profiled = fromProfile<Environment>('environment', settings?.environment)
  // A variable that is still set from yesterday must not make a named profile look harmless.
  const environment = explicit ? (profiled ?? claimed) : (claimed ?? profiled)
  const system = pick(
    fromVariable('STEWARD_SYSTEM', (raw) => raw),
    undefined,
    fromProfile('system', settings?.system),
  )
  return {
    ...(environment === undefined ? {} : { environment: findings.keep('environment', environment) }),
    ...(system === undefined ? {} : { system: findings.keep('system', system) }),
    schemas: schemas(settings?.schemas ?? {}, at, machine, findings),
    ...chooseStores(settings, at, machine, findings),
    ...limits(sources, findings),
    ...chooseCredentials(profile, machine, cwd, findings),
    retention: retention(settings?.retention ?? {}, at, findings),
    maintenance: chooseMaintenance(sources, profile, machine, cwd, findings),
  }
}

function sourcesOf(profile: Profile | undefined, explicit: boolean, { env }: Machine, findings: Findings): Sources {
  const at: At = (...path) => (profile === undefined ? '' : place(profile.file, ['profiles', profile.name, ...path]))
  return {
    settings: profile?.settings,
    at,
    fromVariable(name, parse) {
      const raw = variable(env, name)
      if (raw === undefined) return undefined
      try {
        return { value: parse(raw), origin: name }
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error
        findings.problem(name, error.message)
        return undefined
      }
    },
    fromProfile: (key, value) => (value === undefined ? undefined : { value, origin: at(key) }),
    pick: (own, others, profiled) => own ?? (explicit ? profiled : (others ?? profiled)),
  }
}

/** How long statements and locks may take, and how many connections there may be. */
function limits(
  { settings, fromVariable, fromProfile, pick }: Sources,
  findings: Findings,
): Pick<Settings, 'statementTimeoutMs' | 'lockTimeoutMs' | 'poolSize'> {
  const keep = <T>(key: string, sourced: Sourced<T> | undefined, fallback: T): T =>
    findings.keep(key, sourced ?? { value: fallback, origin: 'default' })
  const timeout = (key: 'statementTimeout' | 'lockTimeout') => {
    const value = settings?.[key]
    return fromProfile(key, value === undefined ? undefined : parseTimeout(String(value)))
  }
  const ambientPool =
    fromVariable('DISABLE_CONNECTION_POOL', parseSwitch)?.value === true
      ? { value: 1, origin: 'DISABLE_CONNECTION_POOL' }
      : fromVariable('DB_MAX_CONNECTIONS', (raw) => Math.min(parseCount(raw, 1, 100_000), MOST_CONNECTIONS))
  return {
    statementTimeoutMs: keep(
      'statementTimeout',
      pick(
        fromVariable('STEWARD_STATEMENT_TIMEOUT', parseTimeout),
        fromVariable('DATABASE_STATEMENT_TIMEOUT_MS', (raw) => parseCount(raw, 0, 2_147_483_647)),
        timeout('statementTimeout'),
      ),
      STATEMENT_TIMEOUT,
    ),
    lockTimeoutMs: keep(
      'lockTimeout',
      pick(fromVariable('STEWARD_LOCK_TIMEOUT', parseTimeout), undefined, timeout('lockTimeout')),
      LOCK_TIMEOUT,
    ),
    poolSize: keep(
      'poolSize',
      pick(
        fromVariable('STEWARD_POOL_SIZE', (raw) => parseCount(raw, 1, MOST_CONNECTIONS)),
        ambientPool,
        fromProfile('poolSize', settings?.poolSize),
      ),
      POOL_SIZE,
    ),
  }
}

function schemas(
  declared: Readonly<Record<string, string>>,
  at: At,
  { env }: Machine,
  findings: Findings,
): Record<string, string> {
  const found = new Map<string, Sourced<string>>()
  for (const [system, value] of Object.entries(declared)) {
    found.set(system, { value, origin: at('schemas', system) })
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(SCHEMA_VARIABLE) || value === undefined || value === '') continue
    const reason = refuseSchema(value)
    if (reason === undefined) found.set(name.slice(SCHEMA_VARIABLE.length).toLowerCase(), { value, origin: name })
    else findings.problem(name, reason)
  }
  const holder = new Map<string, string>()
  for (const [system, { value, origin }] of found) {
    const other = holder.get(value)
    // The systems have tables of the same names (decision 1).
    if (other !== undefined) findings.problem(origin, `gives ${system} the schema that ${other} already has`)
    holder.set(value, system)
  }
  return Object.fromEntries(
    [...found].map(([system, sourced]) => [system, findings.keep(`schemas.${system}`, sourced)]),
  )
}

function retention(
  declared: Readonly<Record<string, Readonly<Record<string, string>>>>,
  at: At,
  findings: Findings,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  for (const [system, rules] of Object.entries(declared)) {
    for (const rule of Object.keys(rules)) {
      findings.origins.set(`retention.${system}.${rule}`, at('retention', system, rule))
    }
  }
  return declared
}

function parseEnvironment(raw: string): Environment {
  const found = ENVIRONMENTS.find((name) => name === raw)
  if (found !== undefined) return found
  const near = nearest(raw, ENVIRONMENTS)
  throw new InvalidValue(
    `must be one of ${ENVIRONMENTS.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`,
  )
}
