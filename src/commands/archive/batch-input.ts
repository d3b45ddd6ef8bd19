/** Which batches a command line means: by number, system, rule and state. */
import { InvalidValue, UsageError } from '../../errors.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { type Flag, list, text } from '../flags.ts'
import { ruleNames } from '../maintain/rule-names.ts'

/** @throws InvalidValue */
export function parseBatch(raw: string): bigint {
  if (!/^\d{1,18}$/.test(raw.trim())) throw new InvalidValue('must be the number of a batch')
  return BigInt(raw)
}

export const batchesFlag = (summary: string): Flag<readonly bigint[]> => ({
  metavar: '<numbers>',
  summary,
  parse: (raw) => raw.split(',').map(parseBatch),
  fallback: [],
  repeatable: true,
})

export const placeFlags = {
  system: list('<names>', 'only batches of these systems', { choices: systems.map((entry) => entry.name) }),
  rule: text('<rule>', 'only batches of this rule: skyvern/finished-tasks, or finished-tasks of any schema', {
    suggest: () => ruleNames('archive', 'drop-partitions'),
  }),
} as const

export interface Place {
  /** Unquoted schemas; all when absent. */
  readonly schemas?: readonly string[]
  /** Names of rules as batches record them. */
  readonly rules?: readonly string[]
}

/**
 * The schemas and rules that `--system` and `--rule` mean. What stands before a rule's slash is a system, or the schema
 * of a table that was archived by name.
 *
 * @throws UsageError when they contradict each other
 */
export async function placeOf(
  context: Context,
  { system, rule }: { readonly system: readonly string[]; readonly rule: string | undefined },
): Promise<Place> {
  const [config, { schemaOf }] = await Promise.all([context.config(), import('../../config/config.ts')])
  const schemas = system.map((name) => schemaOf(config, name))
  if (rule === undefined) return schemas.length === 0 ? {} : { schemas }
  const slash = rule.indexOf('/')
  if (slash < 0) return { ...(schemas.length === 0 ? {} : { schemas }), rules: [rule] }
  const named = rule.slice(0, slash)
  const schema = systems.some((entry) => entry.name === named) ? schemaOf(config, named) : named
  if (schemas.length > 0 && !schemas.includes(schema)) {
    throw new UsageError({
      code: 'invalid-input',
      message: `--system and --rule ${rule} exclude each other`,
      hint: 'Give one of them',
    })
  }
  return { schemas: [schema], rules: [rule.slice(slash + 1)] }
}

/** False where nothing was ever archived: Steward's own tables are not there. */
export async function hasBatches(context: Context): Promise<boolean> {
  const [db, { hasOwnTable }] = await Promise.all([context.db(), import('../../db/own-schema.ts')])
  return hasOwnTable(db, 'archive_batches')
}
