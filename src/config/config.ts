/**
 * The one configuration object: checked, frozen, made once per run from flags, environment and files by
 * `config/resolve.ts`. Every value knows where it came from.
 */

export const ENVIRONMENTS = ['development', 'staging', 'production'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** TLS as libpq's sslmode has it (PostgreSQL manual, 34.19). */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** Where a server is and how to get in; everything resolved, nothing left to a driver's own defaults. */
export interface Endpoint {
  /** Host name, address, or the directory of a Unix socket (starts with `/`). */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Absent when the server asks for none or none is known; never printed. */
  readonly password?: string
  readonly sslMode: SslMode
  /** PEM file of the authorities to trust, or `system` for the well-known ones. */
  readonly sslRootCert?: string
  readonly sslCert?: string
  readonly sslKey?: string
  /** Command-line options for the server (`-c search_path=…`), as libpq's `options`. */
  readonly options?: string
  /** Seconds to wait for a connection. */
  readonly connectTimeout: number
}

/** `embedded`: the server that Steward runs itself; its endpoint is known once it is up. */
export type Target = { readonly kind: 'server'; readonly endpoint: Endpoint } | { readonly kind: 'embedded' }

export interface StoreConfig {
  readonly name: string
  /** `file:///absolute/root` or `s3://bucket/prefix`. */
  readonly url: string
  /** Of an S3-compatible server that is not Amazon's; the SDK's own sources (environment, profile) when absent. */
  readonly endpoint?: string
  readonly region?: string
  /** Buckets in the path rather than the host name, as most S3-compatible servers want it. */
  readonly pathStyle?: boolean
}

/** Formats of cold files: what psql loads, and what DuckDB, Spark and Athena read. */
export const COLD_FORMATS = ['copy', 'parquet'] as const
export type ColdFormat = (typeof COLD_FORMATS)[number]

/** Where closed archive batches go as files. */
export interface ColdConfig {
  /** Name of a store. */
  readonly store: string
  /** PostgreSQL interval that a batch stays in the archive tables before. */
  readonly after: string
  readonly formats: readonly ColdFormat[]
}

/** How maintenance behaves beside the platform's own work. */
export interface MaintenanceConfig {
  /** Waits between batches for as long as the configuration says so; read again each time. */
  readonly pause: boolean
  /** Absolute path: maintenance waits while this file is there. */
  readonly stopFile: string
  /** Seconds that a replica may be behind before maintenance waits for it; 0 watches none. */
  readonly replicaLagSeconds: number
  /** Milliseconds that one batch should take. */
  readonly batchMs: number
  /** Milliseconds after which a holder that gives no sign has lost its lease. */
  readonly leaseMs: number
}

export interface Config {
  /** Name of the profile in use; `default` when no file defines one. */
  readonly profile: string
  readonly target: Target
  /** Direct endpoint for migrations and locks where `target` is a pooler. */
  readonly direct?: Endpoint
  /** Endpoint for reports, exports and inspection where the profile names a replica. */
  readonly replica?: Endpoint
  /** True where a transaction pooler stands before the server. */
  readonly pooler: boolean
  /** What the profile says of itself; compared with the marker in the database. */
  readonly environment?: Environment
  /** System that `steward <entity> …` means. */
  readonly system?: string
  /** Schema of each system that is mapped elsewhere; see `schemaOf`. */
  readonly schemas: Readonly<Record<string, string>>
  readonly stores: readonly StoreConfig[]
  /** Milliseconds; 0 means none. */
  readonly statementTimeoutMs: number
  /** Milliseconds, for DDL and maintenance. */
  readonly lockTimeoutMs: number
  readonly poolSize: number
  /**
   * The key that sealed fields are encrypted with, or the file that holds it. The file is read when the key is needed
   * (`config/credentials.ts`): whoever may not read it can still do everything else.
   */
  readonly credentials?: { readonly key: string } | { readonly keyFile: string }
  /** What the profile says of retention rules: system → rule → PostgreSQL interval, `on` or `off`. */
  readonly retention: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly maintenance: MaintenanceConfig
  /** Absent where archived rows stay in the archive tables. */
  readonly cold?: ColdConfig
  /** Where each value came from, by path (`host`, `direct.host`, `schemas.skyvern`), for `config show`. */
  readonly origins: ReadonlyMap<string, string>
  /** Configuration files that were read. */
  readonly files: readonly string[]
  /** What the operator should know: a profile passed over, a password that others can read. One line each. */
  readonly warnings: readonly string[]
}

/** The schema that holds a system's tables. */
export function schemaOf(config: Pick<Config, 'schemas'>, system: string): string {
  return config.schemas[system] ?? system
}

/** The schema that holds what was archived from a schema: tables of the same names. */
export function archiveSchemaOf(schema: string): string {
  return `${schema}_archive`
}

/** Schema of Steward's own tables; the same in every database. */
export const STEWARD_SCHEMA = 'steward'
