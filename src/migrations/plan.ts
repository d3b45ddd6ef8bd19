/** What `up` or `down` would send, bookkeeping included, as SQL that psql can run in its place. */
import { MIGRATION_LOCK } from './lock.ts'
import { type RecordedMigration, recordMigrations } from './recorder.ts'
import { type Limits, type Step, type SystemState, stepsDown, stepsUp } from './selection.ts'
import { checkSystems, type Direction, type SystemMigrations } from './source.ts'
import { type Reader, readState } from './state.ts'
import { MAX_LOCK_TIMEOUT } from './step.ts'

export interface PlanOptions extends Limits {
  readonly direction: Direction
  /** Steward's own first, then the others; exactly one for `down`. */
  readonly systems: readonly SystemMigrations[]
}

/**
 * Records what would run against the database as it is now. Reads only.
 *
 * @throws UsageError, NotFoundError, OperationError as `applyPending` and `rollBack` do before they start
 */
export async function planMigrations(db: Reader, options: PlanOptions): Promise<RecordedMigration[]> {
  checkSystems(options.systems)
  const states: SystemState[] = []
  for (const system of options.systems) states.push({ system, state: await readState(db, system) })
  const steps =
    options.direction === 'up' ? stepsUp(states, options) : states.flatMap((state) => stepsDown(state, options))
  const recorded: RecordedMigration[] = []
  for (const { system, state } of states) {
    const own = steps.filter((step: Step) => step.system === system).map(({ migration }) => migration)
    if (own.length > 0) recorded.push(...(await recordMigrations(system, state, own, options.direction)))
  }
  return recorded
}

/** The plan as a script for psql. Empty when there is nothing to do. */
export function planSql(plan: readonly RecordedMigration[]): string {
  if (plan.length === 0) return ''
  const { classId, objectId } = MIGRATION_LOCK
  const blocks = plan.map((migration) => {
    const title = `-- ${migration.system} ${migration.name}: ${migration.direction}, in schema ${migration.schema}`
    const notes = [
      ...(migration.transactional
        ? []
        : ['-- Runs outside a transaction: when it fails half way, what it did stays.']),
      ...(migration.readsDatabase
        ? ['-- Asks the database while it runs: depending on the answer it does more.']
        : []),
    ]
    // CREATE INDEX CONCURRENTLY waits for old transactions; giving up would leave an invalid index.
    const limit = migration.transactional ? `${MAX_LOCK_TIMEOUT}ms` : '0'
    const statements = [`SET lock_timeout = '${limit}'`, ...migration.statements.map(({ text }) => text)]
    return [title, ...notes, ...statements.map(terminated)].join('\n')
  })
  return [
    '-- Run this with psql --set ON_ERROR_STOP=1, so that it stops at the first error.',
    terminated(`SET TimeZone = 'UTC'`),
    terminated('SET statement_timeout = 0'),
    '-- Keeps other runs of steward migrate waiting until the end.',
    terminated(`SELECT pg_advisory_lock(${classId}, ${objectId})`),
    '',
    ...blocks.flatMap((block) => [block, '']),
    terminated(`SELECT pg_advisory_unlock(${classId}, ${objectId})`),
    '',
  ].join('\n')
}

/** A comment at the end would swallow the semicolon. */
function terminated(statement: string): string {
  const lastLine = statement.slice(statement.lastIndexOf('\n') + 1)
  return lastLine.includes('--') ? `${statement}\n;` : `${statement};`
}
