/** The text of a new `steward.yaml`: what was answered, and the rest as comments to uncomment. */
import type { Environment, SslMode } from './config.ts'

/** What `config init` asks for. None of it is secret. */
export interface Answers {
  readonly name: string
  /** Absent for the embedded server. */
  readonly server?: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly user: string
    readonly sslMode: SslMode
    readonly sslRootCert?: string
  }
  readonly passwordFile?: string
  readonly pooler: boolean
  readonly directUrl?: string
  readonly environment?: Environment
  readonly system?: string
}

export function configText(answers: Answers): string {
  const { name, server, passwordFile, pooler, directUrl, environment, system } = answers
  const line = (key: string, value: string | number | boolean | undefined) =>
    value === undefined ? [] : [`    ${key}: ${scalar(value)}`]
  const connection = server
    ? [
        '    # Where the server is. Steward never writes a password into this file.',
        ...line('host', server.host),
        ...line('port', server.port),
        ...line('database', server.database),
        ...line('user', server.user),
        ...(passwordFile === undefined
          ? [
              '    # The password comes from PGPASSWORD or ~/.pgpass, or from a file that holds nothing else:',
              '    # passwordFile: ~/.config/steward/password',
            ]
          : line('passwordFile', passwordFile)),
        '    # disable, allow, prefer, require, verify-ca, verify-full, as in libpq',
        ...line('sslMode', server.sslMode),
        ...(server.sslRootCert === undefined ? [] : line('sslRootCert', server.sslRootCert)),
        '    # True where a transaction pooler such as PgBouncer stands before the server; then migrations and locks',
        '    # need the address of the server itself.',
        ...line('pooler', pooler),
        ...(directUrl === undefined
          ? [`    # directUrl: postgresql://${server.user}@server:5432/${server.database}`]
          : line('directUrl', directUrl)),
        '    # Reports, exports and inspection read from here:',
        '    # replicaUrl: postgresql://replica:5432',
      ]
    : ['    # No server is named, so Steward runs one itself.']
  return `${[
    '# Configuration of steward. `steward config show` prints what holds and where it came from,',
    '# `steward config check` tries it out.',
    '',
    '# The profile that is meant when none is named with --profile or STEWARD_PROFILE.',
    `profile: ${scalar(name)}`,
    '',
    'profiles:',
    `  ${scalar(name)}:`,
    ...connection,
    '',
    '    # development, staging or production. Production asks before anything is destroyed, and is never seeded.',
    ...(environment === undefined ? ['    # environment: production'] : line('environment', environment)),
    '    # The system that `steward task list` means; without it, `steward skyvern task list`.',
    ...(system === undefined ? ['    # system: skyvern'] : line('system', system)),
    '',
    '    # Schemas, where a system does not live in the one that is named after it.',
    '    # schemas:',
    '    #   skyvern: tenant_7',
    '    # Where artifact files are: file:///absolute/path or s3://bucket/prefix.',
    '    # stores:',
    '    #   local: file:///srv/artifacts',
    '    #   bucket: s3://artifacts/prod',
    '    #   # An S3-compatible server; keys come from AWS_ACCESS_KEY_ID and the other sources of the SDK.',
    '    #   minio: { url: s3://artifacts, endpoint: "https://minio:9000", region: us-east-1, pathStyle: true }',
    '    # statementTimeout: 60s',
    '    # lockTimeout: 1s',
    '    # poolSize: 4',
    '    # The key that credentials are sealed with: 32 bytes as base64 or hex, in a file of its own.',
    '    # credentials:',
    '    #   keyFile: ~/.config/steward/credentials.key',
    '    # Ages that replace those of the retention rules; on and off switch a rule.',
    '    # retention:',
    '    #   skyvern:',
    '    #     finished-tasks: 180 days',
    '    # Archived batches of this age leave the archive tables for files in a store: copy (psql), parquet (DuckDB, Spark).',
    '    # archive:',
    '    #   cold: { store: bucket, after: 30 days, formats: [copy, parquet] }',
    '    # How maintenance keeps out of the way. It waits while pause is true (read again between batches), while the stop',
    '    # file is there, and while a replica is further behind; 0 watches none.',
    '    # maintenance:',
    '    #   pause: false',
    '    #   stopFile: /run/steward.stop',
    '    #   replicaLag: 30s',
    '    #   batchTime: 1s',
    '    #   # Without a sign of life for so long, a run may be taken over.',
    '    #   lease: 30s',
  ].join('\n')}\n`
}

/** Bare where YAML cannot take it for something else, else in double quotes, which YAML reads as JSON does. */
function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  const word = /^[A-Za-z_./~][\w./~-]*$/.test(value)
  return word && !/^(true|false|null|yes|no|on|off|~)$/i.test(value) ? value : JSON.stringify(value)
}
