/** The configuration in rows for people: each value with its origin, secrets masked. */
import { nearest } from '../model/nearest.ts'
import type { Config, Endpoint } from './config.ts'
import type { Env } from './paths.ts'
import { describeEndpoint } from './url.ts'

export interface Setting {
  readonly [key: string]: unknown
  /** Path of the setting, as in the file: `sslMode`, `schemas.skyvern`. */
  readonly setting: string
  readonly value: string
  readonly origin: string
}

/** Every variable of Steward's own; `STEWARD_SCHEMA_<SYSTEM>` besides. */
const VARIABLES: readonly string[] = [
  'STEWARD_CONFIG',
  'STEWARD_CREDENTIALS_KEY',
  'STEWARD_CREDENTIALS_KEY_FILE',
  'STEWARD_DATA_HOME',
  'STEWARD_DIRECT_URL',
  'STEWARD_ENVIRONMENT',
  'STEWARD_LOCK_TIMEOUT',
  'STEWARD_POOL_SIZE',
  'STEWARD_POOLER',
  'STEWARD_PROFILE',
  'STEWARD_REPLICA_URL',
  'STEWARD_STATEMENT_TIMEOUT',
  'STEWARD_SYSTEM',
  'STEWARD_URL',
]

/** Every setting that has a value. */
export function describeConfig(config: Config): Setting[] {
  const { target, direct, replica } = config
  const row = (setting: string, value: string, path = setting): Setting => ({
    setting,
    value,
    origin: config.origins.get(path) ?? 'default',
  })
  return [
    row('profile', config.profile),
    ...(target.kind === 'embedded' ? [row('target', 'the embedded server')] : endpointRows(target.endpoint, '', row)),
    ...(direct ? endpointRows(direct, 'direct.', row) : []),
    ...(replica ? endpointRows(replica, 'replica.', row) : []),
    row('pooler', String(config.pooler)),
    ...(config.environment === undefined ? [] : [row('environment', config.environment)]),
    ...(config.system === undefined ? [] : [row('system', config.system)]),
    ...Object.entries(config.schemas).map(([system, schema]) => row(`schemas.${system}`, schema)),
    ...config.stores.map(({ name, url }) => row(`stores.${name}`, url)),
    row('statementTimeout', milliseconds(config.statementTimeoutMs)),
    row('lockTimeout', milliseconds(config.lockTimeoutMs)),
    row('poolSize', String(config.poolSize)),
    ...credentialRows(config, row),
    ...Object.entries(config.retention).flatMap(([system, rules]) =>
      Object.entries(rules).map(([rule, age]) => row(`retention.${system}.${rule}`, age)),
    ),
  ]
}

function endpointRows(
  endpoint: Endpoint,
  prefix: string,
  row: (setting: string, value: string, path?: string) => Setting,
): Setting[] {
  const { password, ...shown } = endpoint
  const url = row(`${prefix}url`, describeEndpoint(endpoint), `${prefix}host`)
  return [
    url,
    ...Object.entries(shown).map(([name, value]) =>
      row(`${prefix}${name}`, name === 'connectTimeout' ? `${value} s` : String(value)),
    ),
    ...(password === undefined ? [] : [row(`${prefix}password`, '***')]),
  ]
}

function credentialRows({ credentials }: Config, row: (setting: string, value: string) => Setting): Setting[] {
  if (credentials === undefined) return []
  return 'key' in credentials ? [row('credentials.key', '***')] : [row('credentials.keyFile', credentials.keyFile)]
}

function milliseconds(value: number): string {
  if (value === 0) return 'none'
  return value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`
}

/** Lines about `STEWARD_*` variables that mean nothing, most likely misspelt. */
export function unknownVariables(env: Env): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('STEWARD_') && env[name] !== undefined)
    .filter((name) => !VARIABLES.includes(name) && !/^STEWARD_SCHEMA_\w/.test(name))
    .sort()
    .map((name) => {
      const near = nearest(name, VARIABLES)
      return `${name} is set and means nothing to steward${near === undefined ? '' : ` (did you mean ${near}?)`}`
    })
}
