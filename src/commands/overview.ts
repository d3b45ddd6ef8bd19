/** What the overview of `status` and `quickstart` is gathered from. */
import { type Config, schemaOf } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import type { OutcomeFigures, Placed, TableFigures } from '../inspect/overview.ts'
import type { MigrationStatus } from '../migrations/status.ts'
import type { System } from '../model/system.ts'
import { systems } from '../systems/registry.ts'
import { type RuleBacklog, ruleBacklogs } from './backlog.ts'
import type { Context } from './command.ts'
import { migrationsOf } from './migrate/scope.ts'

export interface Overview {
  readonly connection: {
    readonly server: string
    readonly database: string
    readonly user: string
    readonly environment: string | null
    readonly profile: string
    readonly bytes: bigint
  }
  readonly systems: readonly System[]
  readonly tables: readonly TableFigures[]
  readonly outcomes: readonly OutcomeFigures[]
  /** How far back the outcomes go. */
  readonly outcomeDays: number
  readonly migrations: readonly MigrationStatus[]
  /** Tables or indexes that each maintenance job would work on now. */
  readonly due: Readonly<Record<'vacuum' | 'analyze' | 'reindex', number>>
  /** What waits for each retention rule. */
  readonly backlog: readonly RuleBacklog[]
}

/** Reads everything the overview shows. Works as a role that may only SELECT, and on an empty database. */
export async function gatherOverview(context: Context): Promise<Overview> {
  const [config, db, loaded, inspect] = await Promise.all([
    context.config(),
    context.db(),
    Promise.all(systems.map((entry) => entry.load())),
    import('../inspect/overview.ts'),
  ])
  const placed: Placed[] = loaded.map((system) => ({ system, schema: schemaOf(config, system.name) }))
  const tables = await inspect.tableFigures(db, placed)
  const present = placed.filter(({ system }) => tables.some((table) => table.system === system.name))
  return {
    connection: await connectionOf(context, config, db),
    systems: loaded,
    tables,
    outcomes: await inspect.outcomeFigures(db, placed),
    outcomeDays: inspect.OUTCOME_DAYS,
    migrations: await migrationsIn(context, config, db),
    due: await maintenanceDue(db, placed),
    backlog: await ruleBacklogs(context, config, db, present),
  }
}

/** The status of the migrations whose records this role may read; it is told which it may not. */
async function migrationsIn(context: Context, config: Config, db: Database): Promise<MigrationStatus[]> {
  const { migrationStatus } = await import('../migrations/status.ts')
  const scopes = await migrationsOf(
    config,
    systems.map((entry) => entry.name),
  )
  const found: MigrationStatus[] = []
  for (const scope of scopes) {
    const what = `the migrations of ${scope.system}`
    found.push(...((await unlessForbidden(context, what, migrationStatus(db, [scope]))) ?? []))
  }
  return found
}

/** What a role with few privileges may not read is left out and named; anything else that goes wrong is an error. */
async function unlessForbidden<T>(context: Context, what: string, reading: Promise<T>): Promise<T | undefined> {
  const { OperationError } = await import('../errors.ts')
  return reading.catch((error: unknown) => {
    if (!(error instanceof OperationError && error.code === 'permission-denied')) throw error
    context.ui.warn(`This role may not read ${what}.`)
    return undefined
  })
}

async function connectionOf(context: Context, config: Config, db: Database): Promise<Overview['connection']> {
  const [{ sql }, { readEnvironment }] = await Promise.all([
    import('../model/sql.ts'),
    import('../db/environment.ts'),
  ])
  const { bytes, version } = await db.one<{ bytes: bigint; version: string }>(
    sql`SELECT pg_database_size(current_database()) AS bytes, current_setting('server_version') AS version`,
  )
  return {
    server: `PostgreSQL ${version}`,
    database: db.database,
    user: db.user,
    environment: (await unlessForbidden(context, 'the environment marker', readEnvironment(db))) ?? null,
    profile: config.profile,
    bytes,
  }
}

async function maintenanceDue(db: Database, placed: readonly Placed[]): Promise<Overview['due']> {
  const [vacuum, analyze, reindex] = await Promise.all([
    import('../maintenance/vacuum.ts'),
    import('../maintenance/analyze.ts'),
    import('../maintenance/reindex.ts'),
  ])
  const selection = { schemas: placed.map((each) => each.schema), tables: [], all: false }
  const due = (items: readonly { readonly action: string }[]) => items.filter((item) => item.action !== 'keep').length
  return {
    vacuum: due(await vacuum.planVacuum(db, selection, vacuum.VACUUM_NEED)),
    analyze: due(await analyze.planAnalyze(db, selection, analyze.ANALYZE_NEED)),
    reindex: due(await reindex.planReindex(db, selection, reindex.REINDEX_NEED)),
  }
}
