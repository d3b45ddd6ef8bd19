/** The configuration in rows for people: each value with its origin, secrets masked. */
import { nearest } from '../model/nearest.ts'
import type { ColdConfig, Config, Endpoint, MaintenanceConfig, StoreConfig } from './config.ts'
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
  'STEWARD_MAINTENANCE_BATCH_TIME',
  'STEWARD_MAINTENANCE_LEASE',
  'STEWARD_MAINTENANCE_PAUSE',
  'STEWARD_MAINTENANCE_REPLICA_LAG',
  'STEWARD_MAINTENANCE_STOP_FILE',
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
    ...config.stores.flatMap((store) => storeRows(store, row)),
    ...(config.cold === undefined ? [] : coldRows(config.cold, row)),
    row('statementTimeout', milliseconds(config.statementTimeoutMs)),
    row('lockTimeout', milliseconds(config.lockTimeoutMs)),
    row('poolSize', String(config.poolSize)),
    ...credentialRows(config, row),
    ...maintenanceRows(config.maintenance, row),
    ...Object.entries(config.retention).flatMap(([system, rules]) =>
      Object.entries(rules).map(([rule, age]) => row(`retention.${system}.${rule}`, age)),
    ),
  ]
}

type Row = (setting: string, value: string, path?: string) => Setting

function endpointRows(endpoint: Endpoint, prefix: string, row: Row): Setting[] {
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

function credentialRows({ credentials }: Config, row: Row): Setting[] {
  if (credentials === undefined) return []
  return 'key' in credentials ? [row('credentials.key', '***')] : [row('credentials.keyFile', credentials.keyFile)]
}

function storeRows({ name, url, ...options }: StoreConfig, row: Row): Setting[] {
  return [
    row(`stores.${name}`, url),
    ...Object.entries(options).map(([key, value]) => row(`stores.${name}.${key}`, String(value))),
  ]
}

function coldRows({ store, after, formats }: ColdConfig, row: Row): Setting[] {
  return [
    row('archive.cold.store', store),
    row('archive.cold.after', after),
    row('archive.cold.formats', formats.join(', ')),
  ]
}

function maintenanceRows(maintenance: MaintenanceConfig, row: Row): Setting[] {
  return [
    row('maintenance.pause', String(maintenance.pause)),
    row('maintenance.stopFile', maintenance.stopFile),
    row('maintenance.replicaLag', milliseconds(maintenance.replicaLagSeconds * 1000)),
    row('maintenance.batchTime', milliseconds(maintenance.batchMs)),
    row('maintenance.lease', milliseconds(maintenance.leaseMs)),
  ]
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
