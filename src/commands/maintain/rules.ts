/** Retention rules as a profile has them: which hold, and which of them a command line names. */
import { type Config, schemaOf } from '../../config/config.ts'
import type { Queryable } from '../../db/database.ts'
import { summed, UsageError } from '../../errors.ts'
import type { RuleScope } from '../../model/due.ts'
import { nearest } from '../../model/nearest.ts'
import { appliedRule, type RetentionAction } from '../../model/retention.ts'
import { sql } from '../../model/sql.ts'
import type { System } from '../../model/system.ts'
import { systems as registry } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import type { PlacedSystem } from './job.ts'

/** The rules of an action as the profile has them, those that are off as well. */
export function rulesOf(
  config: Config,
  systems: readonly PlacedSystem[],
  ...actions: readonly RetentionAction[]
): RuleScope[] {
  return systems.flatMap(({ system, ...place }) =>
    system.retention
      .filter(({ action }) => actions.includes(action))
      .map((rule) => ({ system, ...place, applied: appliedRule(rule, config.retention[system.name]?.[rule.name]) })),
  )
}

/** Those that are on. */
export function rulesInForce(
  config: Config,
  systems: readonly PlacedSystem[],
  ...actions: readonly RetentionAction[]
): RuleScope[] {
  return rulesOf(config, systems, ...actions).filter(({ applied }) => applied.off === undefined)
}

/** Name of the job of a rule, the same in every run: `skyvern/finished-tasks`. */
export function jobNameOf({ schema, applied: { rule } }: RuleScope): string {
  return `${schema}/${rule.name}`
}

/** As people name it on a command line. */
export function ruleName({ system, applied: { rule } }: RuleScope): string {
  return `${system.name}/${rule.name}`
}

/**
 * The rules that a command is about: those that were named, else all that are in force on systems whose tables are
 * there.
 *
 * @param names `agensium/hung-tasks`, or `agensium` for all of a system
 * @throws UsageError (exit 2) naming each that is none, or is off
 */
export async function rulesNamed(
  context: Context,
  names: readonly string[],
  ...actions: readonly RetentionAction[]
): Promise<RuleScope[]> {
  const config = await context.config()
  const placed = await placedIn(context, await Promise.all(registry.map(({ load }) => load())))
  if (names.length === 0) return rulesInForce(config, placed, ...actions)
  const rules = rulesOf(config, placed, ...actions)
  const known = [...new Set(rules.flatMap((rule) => [ruleName(rule), rule.system.name]))]
  const problems = names.flatMap((name) => {
    if (!known.includes(name)) {
      const near = nearest(name, known)
      return [{ where: name, reason: `is no such rule here${near === undefined ? '' : ` (did you mean ${near}?)`}` }]
    }
    const rule = rules.find((one) => ruleName(one) === name)
    return rule?.applied.off === undefined ? [] : [{ where: name, reason: whyOff(rule) }]
  })
  if (problems.length > 0) {
    throw new UsageError({
      code: 'no-such-rule',
      hint:
        known.length === 0
          ? 'No system with such rules is in this database'
          : `There are ${rules.map(ruleName).join(', ')}`,
      ...summed(problems, 'of the names are no rules'),
    })
  }
  return rules.filter(
    (rule) => names.includes(ruleName(rule)) || (rule.applied.off === undefined && names.includes(rule.system.name)),
  )
}

function whyOff({ system, applied: { rule, off } }: RuleScope): string {
  const path = `retention.${system.name}.${rule.name}`
  return off === 'off' ? `is off in the profile (${path})` : `is applied only where the profile says ${path}: on`
}

/** The systems whose tables are in the database. */
export async function placedIn(context: Context, loaded: readonly System[]): Promise<PlacedSystem[]> {
  const [config, db] = await Promise.all([context.config(), context.db()])
  const placed = loaded.map((system) => ({ system, schema: schemaOf(config, system.name) }))
  const tables = placed.map(({ system }) => system.entities[0]?.table ?? '')
  const found = await db.rows<{ place: bigint }>(sql`
    SELECT place
    FROM unnest(${placed.map(({ schema }) => schema)}::text[], ${tables}::text[])
      WITH ORDINALITY AS wanted (schema, "table", place)
    -- The catalog tells a role that may not use the schema, too; to_regclass does not.
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted."table"
    ORDER BY place`)
  const there = new Set(found.map(({ place }) => Number(place) - 1))
  return withHolds(
    db,
    placed.filter((_, place) => there.has(place)),
  )
}

/** Systems with what is known of holds: nothing counts as held where it cannot be. */
export async function withHolds(db: Queryable, placed: readonly PlacedSystem[]): Promise<PlacedSystem[]> {
  const { mayBeHeld } = await import('../../db/holds.ts')
  const holds = (await mayBeHeld(db)) ? {} : { withoutHolds: true }
  return placed.map((one) => ({ ...one, ...holds }))
}
