/** What `archive run` is asked to move: rules by name, or a table by its flags. */
import type { Selection } from '../../archive/selection.ts'
import type { TableRequest } from '../../archive/selection-table.ts'
import { schemaOf } from '../../config/config.ts'
import { refuseInterval } from '../../config/values.ts'
import { InvalidValue, type Problem, UsageError, wrongInput } from '../../errors.ts'
import type { RuleScope } from '../../model/due.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { duration, type Flag, integer, text, toggle, variadicArgument } from '../flags.ts'
import { rulesAndSystems } from '../maintain/rule-names.ts'
import { ruleName, rulesNamed } from '../maintain/rules.ts'

/** Actions of the rules that the engine does. */
export const ENGINE_ACTIONS = ['archive', 'delete', 'purge'] as const

const TABLE = { group: 'Any table:' } as const

const olderThan: Flag<string | undefined> = {
  metavar: '<age>',
  summary: "how old rows must be: '90 days'",
  fallback: undefined,
  ...TABLE,
  parse(raw) {
    const reason = refuseInterval(raw)
    if (reason !== undefined) throw new InvalidValue(reason)
    return raw
  },
}

export interface Only {
  readonly column: string
  readonly values: readonly string[]
}

const only: Flag<readonly Only[]> = {
  metavar: '<column=values>',
  summary: 'only rows whose column has one of these values: status=done,failed (repeatable)',
  fallback: [],
  repeatable: true,
  ...TABLE,
  parse(raw) {
    const at = raw.indexOf('=')
    if (at < 1) throw new InvalidValue('must be a column and its values: status=done,failed')
    return [{ column: raw.slice(0, at).trim(), values: raw.slice(at + 1).split(',') }]
  },
}

const table: Flag<TableName | undefined> = {
  metavar: '<schema.table>',
  summary: 'a table of any schema, instead of rules; names with dots are quoted',
  fallback: undefined,
  ...TABLE,
  parse: parseTableName,
}

export const runArguments = {
  rules: variadicArgument(
    'rules such as skyvern/finished-tasks, or systems for their archive rules; all archive rules when absent',
    {
      required: false,
      suggest: () => rulesAndSystems(...ENGINE_ACTIONS),
    },
  ),
} as const

export const runFlags = {
  table,
  ageOf: text('<column>', 'the date or timestamp that its age counts from', TABLE),
  olderThan,
  only,
  withChildren: toggle(
    'rows that refer to it go along whatever their key says, but for SET NULL and SET DEFAULT',
    TABLE,
  ),
  name: text('<name>', 'what its batches are recorded under (default: the name of the table)', TABLE),
  runTime: duration('<duration>', 'end after this long, between two batches (exit 9 with work left)'),
  batchTime: duration('<duration>', 'how long one batch should take (default: maintenance.batchTime of the profile)'),
  maxBatch: integer('<rows>', 'rows of one batch at most, unless one aggregate has more (default 50000)', { min: 1 }),
  limit: integer('<n>', 'at most this many aggregates of each rule, the oldest first', { min: 1 }),
} as const

export interface RunInput {
  readonly rules: readonly string[]
  readonly table: TableName | undefined
  readonly ageOf: string | undefined
  readonly olderThan: string | undefined
  readonly only: readonly Only[]
  readonly withChildren: boolean
  readonly name: string | undefined
}

/** A selection, and how people name it. */
export interface Named {
  /** `skyvern/finished-tasks`, or `public.orders`. */
  readonly name: string
  readonly selection: Selection
}

export interface TableName {
  readonly schema: string
  readonly table: string
}

/** Reads `public.orders`, `orders` (of the schema public), `"My Schema"."or.ders"`. @throws InvalidValue */
export function parseTableName(raw: string): TableName {
  const part = '(?:"(?:[^"]|"")+"|[^".]+)'
  const match = new RegExp(`^(?:(${part})\\.)?(${part})$`).exec(raw.trim())
  const name = (given: string | undefined) => given?.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"')
  const found = name(match?.[2])
  if (found === undefined) throw new InvalidValue('must be a table such as public.orders or "My Schema"."or.ders"')
  return { schema: name(match?.[1]) ?? 'public', table: found }
}

/** @throws UsageError (exit 2) naming all that does not fit together */
export async function selectionsOf(context: Context, input: RunInput): Promise<Named[]> {
  refuseMixed(input)
  if (input.table !== undefined) return [await ofTable(context, input.table, input)]
  const rules = await archiveRules(context, input.rules)
  const { selectionOfRule } = await import('../../archive/selection.ts')
  return rules.map((rule) => ({ name: ruleName(rule), selection: selectionOfRule(rule) }))
}

/** A system's name stands for its archive rules: one that deletes for good is named in full. */
async function archiveRules(context: Context, names: readonly string[]): Promise<RuleScope[]> {
  if (names.length === 0) return rulesNamed(context, [], 'archive')
  const found = await rulesNamed(context, names, ...ENGINE_ACTIONS)
  const rules = found.filter((rule) => rule.applied.rule.action === 'archive' || names.includes(ruleName(rule)))
  const empty = names.filter((name) => !rules.some((rule) => [rule.system.name, ruleName(rule)].includes(name)))
  if (empty.length === 0) return rules
  const others = found.filter(({ system }) => empty.includes(system.name)).map(ruleName)
  throw new UsageError({
    code: 'no-such-rule',
    message: `No archive rule of ${empty.join(', ')} is in force`,
    hint:
      others.length === 0
        ? 'steward archive run --dry-run shows the archive rules of all systems'
        : `Rules that delete are named in full: ${others.join(', ')}`,
  })
}

async function ofTable(context: Context, { schema, table: name }: TableName, input: RunInput): Promise<Named> {
  const [config, db, { selectionOfTable }] = await Promise.all([
    context.config(),
    context.db(),
    import('../../archive/selection-table.ts'),
  ])
  const owner = await systems.find((entry) => schemaOf(config, entry.name) === schema)?.load()
  const request: TableRequest = {
    schema,
    table: name,
    ageOf: input.ageOf ?? '',
    olderThan: input.olderThan ?? '',
    only: input.only,
    withChildren: input.withChildren,
    name: input.name ?? name,
    settings: owner?.movesWith ?? {},
  }
  return { name: `${schema}.${name}`, selection: await selectionOfTable(db, request) }
}

function refuseMixed(input: RunInput): void {
  const problems: Problem[] = []
  const needs = (where: string, given: boolean, reason: string) => {
    if (given) problems.push({ where, reason })
  }
  if (input.table === undefined) {
    needs('--age-of', input.ageOf !== undefined, 'is about --table, which is missing')
    needs('--older-than', input.olderThan !== undefined, 'is about --table, which is missing: a rule has its age')
    needs('--only', input.only.length > 0, 'is about --table, which is missing')
    needs('--with-children', input.withChildren, 'is about --table, which is missing')
    needs('--name', input.name !== undefined, 'is about --table, which is missing')
  } else {
    needs('--table', input.rules.length > 0, 'and rules exclude each other')
    needs('--age-of', input.ageOf === undefined, 'is required with --table')
    needs('--older-than', input.olderThan === undefined, 'is required with --table')
    needs(
      '--name',
      input.name !== undefined && !/^[^\p{Cc}]{1,100}$/u.test(input.name),
      'must be 1 to 100 characters',
    )
  }
  if (problems.length > 0) throw wrongInput(problems, 'steward archive run --help shows what it takes')
}
