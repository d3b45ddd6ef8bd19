import type { Config } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import { ExitCode } from '../../errors.ts'
import { type Context, defineCommand } from '../command.ts'

interface Check {
  readonly [key: string]: unknown
  readonly check: string
  readonly outcome: 'ok' | 'warn' | 'bad'
  readonly detail: string
}

/** The oldest major version that Steward supports (design, "Database conventions"). */
const OLDEST_VERSION = 14

export const check = defineCommand({
  name: 'check',
  summary: 'Check the configuration: files, connection, privileges, environment',
  description:
    'Exit code 0: all is well, warnings included. 2: a file or variable is wrong. 3: no connection. 10: connected, and ' +
    'something is bad: a server too old, a privilege missing, an environment that contradicts the marker in the database.',
  examples: [
    { command: 'config check', does: 'Check what holds here' },
    { command: 'config check --profile prod', does: 'Check the profile prod' },
  ],
  effect: 'read',
  run: runChecks,
  view: (checks) => ({
    shape: 'table',
    columns: [
      { key: 'check', kind: 'text' },
      { key: 'outcome', kind: 'text', tones: { ok: 'good', warn: 'active', bad: 'bad' } },
      { key: 'detail', kind: 'text' },
    ],
    rows: checks,
  }),
  exitCode: (checks) => (checks.some(({ outcome }) => outcome === 'bad') ? ExitCode.trouble : ExitCode.ok),
})

async function runChecks(context: Context): Promise<Check[]> {
  const config = await context.config()
  const { unknownVariables } = await import('../../config/describe.ts')
  const files = config.files.length === 0 ? 'no file; environment and defaults' : config.files.join(', ')
  const warnings = [...config.warnings, ...unknownVariables(context.env)]
  const db = await context.db().catch((error: unknown) => {
    // Why there is no connection may stand among them (a password file that is passed over).
    for (const warning of warnings) context.ui.warn(warning)
    throw error
  })
  return [
    { check: 'files', outcome: 'ok', detail: files },
    ...warnings.map((detail): Check => ({ check: 'configuration', outcome: 'warn', detail })),
    ...(await credentialsChecks(config)),
    ...(await retentionChecks(config)),
    ...(await maintenanceChecks(config)),
    ...(await serverChecks(context, config, db)),
    ...(await schemaChecks(config, db)),
    await environmentCheck(config, db),
  ]
}

/** The key that credentials are sealed with, where one is configured. */
async function credentialsChecks(config: Config): Promise<Check[]> {
  if (config.credentials === undefined) return []
  const check = 'credentials'
  const [{ credentialsKey }, { UsageError }] = await Promise.all([
    import('../../config/credentials.ts'),
    import('../../errors.ts'),
  ])
  try {
    const { key, origin, warning } = await credentialsKey(config)
    return [
      { check, outcome: 'ok', detail: `key ${key.id} from ${origin}` },
      ...(warning === undefined ? [] : [{ check, outcome: 'warn', detail: warning } as const]),
    ]
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return [{ check, outcome: 'bad', detail: error.message }]
  }
}

/** Rules that the profile overrides and nobody has. */
async function retentionChecks(config: Config): Promise<Check[]> {
  const { unknownRetention } = await import('../retention.ts')
  const problems = await unknownRetention(config)
  return problems.map(({ where, reason }) => ({
    check: 'retention',
    outcome: 'bad',
    detail: where === undefined ? reason : `${where}: ${reason}`,
  }))
}

/** What keeps maintenance waiting. */
async function maintenanceChecks({ maintenance, origins }: Config): Promise<Check[]> {
  const check = 'maintenance'
  const { existsSync } = await import('node:fs')
  const { pause, stopFile } = maintenance
  return [
    ...(pause ? [{ check, outcome: 'warn', detail: `paused by ${origins.get('maintenance.pause')}` } as const] : []),
    ...(existsSync(stopFile)
      ? [{ check, outcome: 'warn', detail: `waits: the stop file ${stopFile} is there` } as const]
      : []),
  ]
}

async function serverChecks(context: Context, config: Config, db: Database): Promise<Check[]> {
  const { serverFacts } = await import('../../db/access.ts')
  const facts = await serverFacts(db)
  const checks: Check[] = [
    { check: 'connection', outcome: 'ok', detail: `database ${db.database} as ${facts.user}` },
    Math.floor(db.serverVersion / 10_000) >= OLDEST_VERSION
      ? { check: 'version', outcome: 'ok', detail: `PostgreSQL ${facts.version}` }
      : {
          check: 'version',
          outcome: 'bad',
          detail: `PostgreSQL ${facts.version}; steward needs ${OLDEST_VERSION} or later`,
        },
  ]
  if (config.target.kind === 'server' && !config.target.endpoint.host.startsWith('/')) {
    checks.push(
      facts.tls === null
        ? { check: 'tls', outcome: 'warn', detail: 'the connection is not encrypted' }
        : { check: 'tls', outcome: 'ok', detail: facts.tls },
    )
  }
  if (facts.standby)
    checks.push({ check: 'standby', outcome: 'warn', detail: 'the server is a standby: it can only be read' })
  const role = facts.superuser
    ? 'superuser'
    : facts.may_create_schema
      ? 'may create schemas'
      : 'may not create schemas, which migrate up needs'
  checks.push({ check: 'role', outcome: facts.superuser || facts.may_create_schema ? 'ok' : 'warn', detail: role })
  if (config.direct) checks.push(await directCheck(db, facts.started_at))
  else if (config.pooler) {
    checks.push({ check: 'direct', outcome: 'warn', detail: 'a pooler and no directUrl: migrations cannot run' })
  }
  if (config.replica) checks.push(await replicaCheck(context))
  return checks
}

/** The direct endpoint must lead to the server that the pooler leads to. */
async function directCheck(db: Database, startedAt: string): Promise<Check> {
  const { serverFacts } = await import('../../db/access.ts')
  const behind = await db.session(serverFacts, { direct: true })
  return behind.started_at === startedAt
    ? { check: 'direct', outcome: 'ok', detail: 'the same server' }
    : { check: 'direct', outcome: 'bad', detail: 'directUrl leads to another server than the main connection' }
}

async function replicaCheck(context: Context): Promise<Check> {
  const { serverFacts } = await import('../../db/access.ts')
  const { standby } = await serverFacts(await context.readDb())
  return standby
    ? { check: 'replica', outcome: 'ok', detail: 'a standby' }
    : { check: 'replica', outcome: 'warn', detail: 'the server is no standby, but a primary' }
}

async function schemaChecks(config: Config, db: Database): Promise<Check[]> {
  const [{ schemaAccess }, { schemaOf, STEWARD_SCHEMA }, { systems }] = await Promise.all([
    import('../../db/access.ts'),
    import('../../config/config.ts'),
    import('../../systems/registry.ts'),
  ])
  const checks: Check[] = []
  const names = [STEWARD_SCHEMA, ...systems.map(({ name }) => schemaOf(config, name))]
  for (const name of names) {
    const access = await schemaAccess(db, name)
    const check = `schema ${name}`
    if (access === undefined)
      checks.push({ check, outcome: 'warn', detail: 'not there yet; steward migrate up makes it' })
    else if (access.missing.length === 0) checks.push({ check, outcome: 'ok', detail: `${access.tables} tables` })
    else checks.push({ check, outcome: 'bad', detail: `${db.user} lacks ${access.missing.join(', ')}` })
  }
  const known = systems.map(({ name }) => name)
  for (const system of Object.keys(config.schemas).filter((name) => !known.includes(name))) {
    checks.push({ check: `schemas.${system}`, outcome: 'bad', detail: `there is no system ${system}` })
  }
  return checks
}

async function environmentCheck(config: Config, db: Database): Promise<Check> {
  const check = 'environment'
  const [{ hasOwnTable }, { readEnvironment }] = await Promise.all([
    import('../../db/own-schema.ts'),
    import('../../db/environment.ts'),
  ])
  const claimed = config.environment
  if (!(await hasOwnTable(db, 'environment'))) {
    return {
      check,
      outcome: 'warn',
      detail: `the database has no marker yet (the profile says ${claimed ?? 'nothing'})`,
    }
  }
  const { OperationError } = await import('../../errors.ts')
  let marker: typeof claimed
  try {
    marker = await readEnvironment(db)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { check, outcome: 'bad', detail: error.message }
  }
  if (marker === undefined) {
    return { check, outcome: 'warn', detail: `the database has no marker (the profile says ${claimed ?? 'nothing'})` }
  }
  if (claimed === undefined || claimed === marker) return { check, outcome: 'ok', detail: marker }
  return { check, outcome: 'bad', detail: `profile ${config.profile} says ${claimed}, the database says ${marker}` }
}
