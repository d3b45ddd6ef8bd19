/** Which migrations a run is about: everything pending, up to a name, or so many. */
import { NotFoundError, OperationError, UsageError } from '../errors.ts'
import type { Migration } from '../model/migration.ts'
import { nearest } from '../model/nearest.ts'
import type { SystemMigrations } from './source.ts'
import { type MigrationsState, missingOf, pendingOf } from './state.ts'

export interface SystemState {
  readonly system: SystemMigrations
  readonly state: MigrationsState
}

export interface Step {
  readonly system: SystemMigrations
  readonly migration: Migration
}

export interface Limits {
  /** Stop after this migration. */
  readonly to?: string | undefined
  /** At most this many. */
  readonly count?: number | undefined
}

/** Steward's own schema, which `to` and `count` are not about unless it is the only one. */
const OWN = 'steward'

/**
 * The migrations to apply, in order: systems as given, names ascending.
 *
 * Steward's own always come whole and first, because other runs are recorded in its schema; `to` and `count` are about
 * the other systems.
 *
 * @throws UsageError when `to` names a migration of several systems
 * @throws NotFoundError when no system has a migration `to`
 * @throws OperationError when the database has migrations that this Steward does not know
 */
export function stepsUp(systems: readonly SystemState[], { to, count }: Limits): Step[] {
  for (const { system, state } of systems) refuseMissing(system, missingOf(system, state))
  const isOwn = ({ system }: SystemState) => systems.length > 1 && system.system === OWN
  const own = systems.filter(isOwn)
  const others = systems.filter((entry) => !isOwn(entry))
  const has = ({ system }: SystemState) => system.migrations.some(({ name }) => name === to)
  if (!others.some(has) && own.some(has)) return stepsUp(own, { to, count })
  const target = to === undefined ? undefined : systemOf(others, to)

  const wanted: Step[] = []
  for (const { system, state } of others) {
    const pending = pendingOf(system, state).filter(
      ({ name }) => target?.system !== system || to === undefined || name <= to,
    )
    wanted.push(...pending.map((migration) => ({ system, migration })))
    if (target?.system === system) break
  }
  const first = own.flatMap(({ system, state }) =>
    pendingOf(system, state).map((migration) => ({ system, migration })),
  )
  return [...first, ...(count === undefined ? wanted : wanted.slice(0, count))]
}

/**
 * The migrations of one system to roll back, last applied first.
 *
 * @param limits `to` names the migration that stays as the last one applied; without limits it is the last one
 * @throws NotFoundError when `to` is not applied
 * @throws OperationError when one of them is unknown to this Steward
 */
export function stepsDown({ system, state }: SystemState, { to, count }: Limits): Step[] {
  const applied = new Set(state.applied.map(({ name }) => name))
  if (to !== undefined && !applied.has(to)) {
    const near = nearest(to, [...applied])
    throw new NotFoundError({
      code: 'migration-not-applied',
      message: `${system.system} has no applied migration ${to}`,
      hint: near === undefined ? 'steward migrate status lists them' : `Did you mean ${near}?`,
    })
  }
  const newestFirst = [...applied].sort().reverse()
  const chosen = to === undefined ? newestFirst.slice(0, count ?? 1) : newestFirst.filter((name) => name > to)
  const known = new Map(system.migrations.map((migration) => [migration.name, migration]))
  refuseMissing(
    system,
    chosen.filter((name) => !known.has(name)),
  )
  return chosen.flatMap((name) => {
    const migration = known.get(name)
    return migration ? [{ system, migration }] : []
  })
}

function systemOf(systems: readonly SystemState[], name: string): SystemState {
  const having = systems.filter(({ system }) => system.migrations.some((migration) => migration.name === name))
  const [only, another] = having
  if (only === undefined) {
    const near = nearest(
      name,
      systems.flatMap(({ system }) => system.migrations.map((migration) => migration.name)),
    )
    throw new NotFoundError({
      code: 'migration-unknown',
      message: `There is no migration ${name}`,
      hint: near === undefined ? 'steward migrate status lists them' : `Did you mean ${near}?`,
    })
  }
  if (another === undefined) return only
  throw new UsageError({
    code: 'migration-ambiguous',
    message: `${having.map(({ system }) => system.system).join(' and ')} each have a migration ${name}`,
    hint: 'Name one of them with --system',
  })
}

function refuseMissing(system: SystemMigrations, names: readonly string[]): void {
  if (names.length === 0) return
  throw new OperationError({
    code: 'migration-missing',
    message: `${system.system} has migrations that this version of Steward does not contain: ${names.join(', ')}`,
    hint: 'Use the version of Steward that applied them, or a newer one',
    details: { system: system.system, missing: names },
  })
}
