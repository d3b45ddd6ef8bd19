/** What `archive restore` is asked to bring back: rows by key, batches by number, or a window of time. */
import type { Batch } from '../../archive/batches.ts'
import type { AskedBatches, AskedRows, RestoreRequest, Root } from '../../archive/restore-request.ts'
import { InvalidValue, type Problem, wrongInput } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import { type Moment, parseDuration } from '../../model/moment.ts'
import { nearest } from '../../model/nearest.ts'
import type { System } from '../../model/system.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { choice, duration, type Flag, moment, toggle, variadicArgument } from '../flags.ts'
import { batchesFlag, type Place, placeFlags, placeOf } from './batch-input.ts'
import { parseTableName, type TableName } from './run-input.ts'

const HELP = 'steward archive restore --help shows what it takes'

const TABLE = { group: 'Any table:' } as const
const WINDOW = { group: 'A window of time:' } as const

const table: Flag<TableName | undefined> = {
  metavar: '<schema.table>',
  summary: 'a table of any schema, instead of an entity',
  fallback: undefined,
  ...TABLE,
  parse: parseTableName,
}

const DAY_MS = 86_400_000
const LONGEST_HOLD_DAYS = 36_500

const hold: Flag<number> = {
  metavar: '<duration>',
  summary: 'how long retention rules leave the restored rows alone (default 30d; 0 for not at all)',
  fallback: 30 * DAY_MS,
  parse(raw) {
    const milliseconds = raw.trim() === '0' ? 0 : parseDuration(raw)
    if (milliseconds > LONGEST_HOLD_DAYS * DAY_MS) throw new InvalidValue('must be 100 years at most')
    return milliseconds
  },
}

interface KeyPart {
  readonly column: string
  readonly value: string
}

const key: Flag<readonly KeyPart[]> = {
  metavar: '<column=value>',
  summary: 'key of the row: id=5 (repeatable, for keys of several columns)',
  fallback: [],
  repeatable: true,
  ...TABLE,
  parse(raw) {
    const at = raw.indexOf('=')
    if (at < 1) throw new InvalidValue('must be a column and its value: id=5')
    return [{ column: raw.slice(0, at).trim(), value: raw.slice(at + 1) }]
  },
}

export const restoreArguments = {
  rows: variadicArgument('an entity such as skyvern/task, and the ids of its rows', { required: false }),
} as const

export const restoreFlags = {
  batch: batchesFlag('batches by number: all of their rows, or only from these with an id'),
  table,
  key,
  withChildren: toggle('rows that refer to it come along whatever their key says', TABLE),
  since: moment('<time>', 'start of the window: 7d (ago) or 2026-11-01', WINDOW),
  until: moment('<time>', 'end of the window, not part of it', WINDOW),
  window: choice(
    ['archived', 'age'],
    'what lies in the window: the instant of archiving (the default), or that from which the age of a root counts',
    WINDOW,
  ),
  system: { ...placeFlags.system, ...WINDOW },
  rule: { ...placeFlags.rule, ...WINDOW },
  withParents: toggle('archived rows that restored ones refer to come along'),
  damaged: toggle('also of batches that hold something else than was archived: rows as they lie there'),
  dropColumns: toggle('let go of values of columns that are gone since'),
  hold,
  dryRun: toggle('show what would come back, what waits and why, and stop'),
  runTime: duration('<duration>', 'end after this long, between two batches (exit 9 with work left)'),
} as const

export interface RestoreInput {
  readonly rows: readonly string[]
  readonly batch: readonly bigint[]
  readonly table: TableName | undefined
  readonly key: readonly KeyPart[]
  readonly withChildren: boolean
  readonly since: Moment | undefined
  readonly until: Moment | undefined
  readonly window: 'archived' | 'age' | undefined
  readonly system: readonly string[]
  readonly rule: string | undefined
  readonly withParents: boolean
  readonly dropColumns: boolean
  readonly damaged: boolean
  /** In milliseconds; 0 for none. */
  readonly hold: number
}

/**
 * The requests of a command line, one a schema.
 *
 * @throws UsageError (exit 2) naming all that does not fit together; NotFoundError (exit 4) for unknown batches
 */
export async function requestsOf(context: Context, input: RestoreInput): Promise<RestoreRequest[]> {
  refuseMixed(input)
  if (input.table !== undefined) return [await ofTable(context, input.table, input)]
  if (input.rows.length > 0) return [await ofEntity(context, input)]
  return ofBatches(context, input)
}

async function ofTable(context: Context, { schema, table: name }: TableName, input: RestoreInput) {
  const root: Root = {
    name: input.key.map(({ column, value }) => `${column}=${value}`).join(', '),
    by: [Object.fromEntries(input.key.map(({ column, value }) => [column, value]))],
  }
  return common(context, schema, input, await rowsOf(context, name, [root], input))
}

async function ofEntity(context: Context, input: RestoreInput): Promise<RestoreRequest> {
  const [name = '', ...ids] = input.rows
  const { system, entity } = await entityCalled(name)
  const [config, { schemaOf }] = await Promise.all([context.config(), import('../../config/config.ts')])
  const roots = await Promise.all(ids.map((id) => rootOf(system, entity, id)))
  return common(context, schemaOf(config, system.name), input, await rowsOf(context, entity.table, roots, input))
}

async function ofBatches(context: Context, input: RestoreInput): Promise<RestoreRequest[]> {
  const [db, { listBatches, requireBatches }] = await Promise.all([context.db(), import('../../archive/batches.ts')])
  const place = await placeOf(context, input)
  const isByAge = input.window === 'age'
  const batches =
    input.batch.length > 0
      ? await requireBatches(db, input.batch)
      : await listBatches(db, {
          ...place,
          states: ['archived', 'cold'],
          ...(isByAge ? {} : { since: input.since, until: input.until }),
        })
  if (batches.length === 0 && input.rule !== undefined) await refuseUnknownRule(context, input.rule, place)
  const age = isByAge ? await ageOf(context, input) : undefined
  const schemas = [...new Set(batches.map(({ schema }) => schema))]
  return Promise.all(
    schemas.map((schema) => {
      const what: AskedBatches = {
        kind: 'batches',
        batches: batches.filter((batch) => batch.schema === schema && mayHold(batch, isByAge)),
        ...(age === undefined ? {} : { age }),
      }
      return common(context, schema, input, what)
    }),
  )
}

/** A name that was misspelt must not look like nothing to restore. @throws NotFoundError (exit 4) */
async function refuseUnknownRule(context: Context, rule: string, place: Place): Promise<void> {
  const [db, { listBatches, archivedRules }, { NotFoundError }] = await Promise.all([
    context.db(),
    import('../../archive/batches.ts'),
    import('../../errors.ts'),
  ])
  if ((await listBatches(db, place, { limit: 1 })).length > 0) return
  const known = await archivedRules(db)
  const near = nearest(rule, known)
  throw new NotFoundError({
    code: 'nothing-of-rule',
    message: `Nothing was ever archived under ${rule}`,
    hint:
      known.length === 0
        ? 'steward archive list shows what was'
        : `There are ${known.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  })
}

/** Batches without an instant have no aggregate in a window of age. */
function mayHold({ oldest }: Batch, isByAge: boolean): boolean {
  return !isByAge || oldest !== null
}

async function ageOf(context: Context, { rule = '', since, until }: RestoreInput) {
  const [{ rulesOf }, { ageSql }, loaded, config, { schemaOf }] = await Promise.all([
    import('../maintain/rules.ts'),
    import('../../model/due.ts'),
    Promise.all(systems.map((entry) => entry.load())),
    context.config(),
    import('../../config/config.ts'),
  ])
  const placed = loaded.map((system) => ({ system, schema: schemaOf(config, system.name) }))
  const named = rulesOf(config, placed, 'archive', 'drop-partitions')
  const found = named.find(({ system, applied }) => `${system.name}/${applied.rule.name}` === rule)
  if (found) return { of: (alias: string) => ageSql(found.applied.rule, alias), since, until }
  const known = named.map(({ system, applied }) => `${system.name}/${applied.rule.name}`)
  const near = nearest(rule, known)
  const reason = `${rule} is no rule that archives${near === undefined ? '' : ` (did you mean ${near}?)`}`
  throw wrongInput([{ where: '--rule', reason }], HELP)
}

/** What is asked of rows by key; cold batches that are named are loaded for them. */
async function rowsOf(
  context: Context,
  name: string,
  roots: readonly Root[],
  { batch }: RestoreInput,
): Promise<AskedRows> {
  if (batch.length === 0) return { kind: 'rows', table: name, roots, cold: [] }
  const [db, { requireBatches }] = await Promise.all([context.db(), import('../../archive/batches.ts')])
  const cold = (await requireBatches(db, batch)).filter(({ state }) => state === 'cold')
  return { kind: 'rows', table: name, roots, batches: batch, cold: cold.map((one) => one.batch) }
}

async function common(
  context: Context,
  schema: string,
  input: RestoreInput,
  what: RestoreRequest['what'],
): Promise<RestoreRequest> {
  const [{ ownerOf }, { PORTION_ROWS }] = await Promise.all([
    import('./restore-owner.ts'),
    import('../../archive/restore-request.ts'),
  ])
  const { held, ...owner } = await ownerOf(context, schema)
  return {
    schema,
    what,
    follow: input.withChildren ? 'all' : 'cascade',
    withParents: input.withParents,
    dropColumns: input.dropColumns,
    damaged: input.damaged,
    portionRows: PORTION_ROWS,
    hold: { milliseconds: input.hold, tables: held },
    ...owner,
  }
}

/** `skyvern/task`. @throws UsageError naming what is near */
async function entityCalled(name: string): Promise<{ readonly system: System; readonly entity: Entity }> {
  const [systemName = '', entityName = ''] = name.split('/')
  const entry = systems.find((one) => one.name === systemName)
  const system = await entry?.load()
  const { entityNamed } = await import('../../model/system.ts')
  const entity = system && entityNamed(system, entityName)
  if (system && entity) return { system, entity }
  const known =
    system === undefined
      ? systems.map((one) => `${one.name}/`)
      : system.entities.map((one) => `${system.name}/${one.name}`)
  const near = nearest(name, known)
  const reason = `is no entity such as skyvern/task${near === undefined ? '' : ` (did you mean ${near}?)`}`
  throw wrongInput([{ where: name, reason }], HELP)
}

/** By its id where the text is one, and by its handle where the entity has one (decision 32). */
async function rootOf(system: System, entity: Entity, id: string): Promise<Root> {
  const { parseValue } = await import('../../crud/values.ts')
  const field = entity.fields[entity.primaryKey]
  if (field === undefined) throw new RangeError(`${system.name}.${entity.name} declares no ${entity.primaryKey}`)
  const by: Record<string, string>[] = []
  let reason = ''
  try {
    by.push({ [entity.primaryKey]: String(parseValue(field, id)) })
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    reason = error.message
  }
  if (entity.handle !== undefined) by.push({ [entity.handle]: id })
  if (by.length === 0) throw wrongInput([{ where: id, reason }], HELP)
  return { name: id, by }
}

function refuseMixed(input: RestoreInput): void {
  const problems: Problem[] = []
  const isWindow = input.since !== undefined || input.until !== undefined
  const namesRows = input.rows.length > 0 || input.table !== undefined
  const check = (wrong: boolean, where: string, reason: string) => {
    if (wrong) problems.push({ where, reason })
  }
  check(input.rows.length > 0 && input.table !== undefined, '--table', 'and an entity exclude each other')
  check(input.rows.length === 1, input.rows[0] ?? '', 'must be followed by the ids of the rows')
  check(input.table !== undefined && input.key.length === 0, '--key', 'is required with --table: id=5')
  check(input.table === undefined && input.key.length > 0, '--key', 'is about --table, which is missing')
  check(namesRows && isWindow, '--since, --until', 'choose batches, and a row was named; --batch narrows those')
  check(namesRows && input.rule !== undefined, '--rule', 'chooses batches, and a row was named')
  check(namesRows && input.system.length > 0, '--system', 'chooses batches, and a row was named')
  check(
    input.batch.length > 0 && (input.rule !== undefined || input.system.length > 0),
    '--batch',
    'and --rule or --system exclude each other',
  )
  check(input.batch.length > 0 && isWindow, '--batch', 'and a window of time exclude each other')
  check(
    !namesRows && input.batch.length === 0 && !isWindow,
    '<rows>',
    'say what to restore: an entity and ids, --table with --key, --batch, or --since and --until',
  )
  check(input.window !== undefined && !isWindow, '--window', 'is about --since and --until, which are missing')
  check(
    input.window === 'age' && !input.rule?.includes('/'),
    '--rule',
    'is required with --window age: it says which instant counts, as in skyvern/finished-tasks',
  )
  if (problems.length > 0) throw wrongInput(problems, HELP)
}
