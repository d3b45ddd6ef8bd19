/**
 * `delete-files` rules by prefix (decisions 39 and 45): the files of a row are those below a prefix made of its fields.
 * All of them go, then the row is stamped; killed in between, the next run lists again what is left.
 */
import { recordAudit } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import { adaptiveSize, type Stop } from '../db/pace.ts'
import { InterruptedError, StewardError, UnfinishedError } from '../errors.ts'
import { castIn } from '../model/cast.ts'
import { ageSql, dueSql, entityOfRule, type RuleScope } from '../model/due.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Store } from '../storage/store.ts'
import { type Choice, constantPart, fieldsOf, fillPrefix } from './prefix.ts'
import type { Cleaning, CleanResult } from './scope.ts'
import { Tally } from './tally.ts'

const BATCH = { first: 20, least: 1, most: 1_000 } as const
/** Listings at the same time. */
const AT_ONCE = 8
/** Files of one request to delete. */
const TOGETHER = 1_000

type Ending = Pick<Stop, 'why' | 'error'>

/**
 * Deletes the files of the rows that a rule covers.
 *
 * @param choice the store, from `chooseStore`
 * @throws LockedError (exit 8) when the lease was lost; ConnectionError of the database
 */
export async function cleanByPrefix(cleaning: Cleaning, scope: RuleScope, choice: Choice): Promise<CleanResult> {
  const { run, batch: bounds = BATCH } = cleaning
  const rule = prefixRule(scope)
  const tally = new Tally(rule.entity.name)
  // A store is no matter where nothing is due.
  const due = await cleaning.db.rows(dueRows(scope, rule, undefined, 1))
  if (due.length === 0) return tally.result(undefined, undefined)
  const refused = 'refused' in choice ? choice.refused : await wrongStore(choice.store, choice.named, rule.prefix)
  if (refused !== undefined || 'refused' in choice) {
    const reason = `${refused}; name it ${scope.system.name} under stores, or switch the rule off`
    return {
      ...tally.result(undefined, undefined),
      outcome: 'failed',
      failures: [reason],
      failed: 1n,
      why: 'no store',
    }
  }
  const size = adaptiveSize({ ...bounds, targetMs: run.batchMs })
  let after: Position | undefined
  let stop: Ending | undefined
  for (;;) {
    const left = (cleaning.limit ?? Number.MAX_SAFE_INTEGER) - tally.handled
    if (left <= 0 || tally.silentStore !== undefined) break
    stop = await run.pace.next()
    if (stop !== undefined) break
    const began = performance.now()
    try {
      const batch = await cleanTasks(cleaning, scope, rule, choice.store, after, Math.min(size.current, left), tally)
      if (batch.last === undefined) break
      after = batch.last
      size.took(batch.rows, performance.now() - began)
      run.onProgress({ label: `clean ${scope.schema}/${rule.name}`, done: tally.removed, unit: 'files' })
    } catch (error) {
      if (!(error instanceof InterruptedError || error instanceof UnfinishedError)) throw error
      stop = { why: error.message, error }
      break
    }
  }
  return tally.result(stop, cleaning.limit)
}

interface PrefixRule {
  readonly name: string
  readonly entity: ReturnType<typeof entityOfRule>
  readonly prefix: string
  readonly cleanedAt: string
}

/** @throws RangeError (a declaration at fault) */
export function prefixRule({ system, applied: { rule } }: RuleScope): PrefixRule {
  if (rule.files === undefined) throw new RangeError(`rule ${system.name}/${rule.name} is about no prefix`)
  return { name: rule.name, entity: entityOfRule(system, rule), ...rule.files }
}

/** A store that is not named for the system and holds nothing where its files would be is taken for another's. */
async function wrongStore(store: Store, named: boolean, template: string): Promise<string | undefined> {
  if (named) return undefined
  const below = constantPart(template)
  for await (const _ of store.list(below)) return undefined
  return `store ${store.name} holds nothing below ${below === '' ? 'its root' : below}, so it may be another's`
}

interface Position {
  readonly age: string
  readonly id: string
}

interface DueRow extends Position {
  readonly values: Readonly<Record<string, string | null>>
}

/** Rows that are covered and not cleaned, the oldest first. */
function dueRows(scope: RuleScope, rule: PrefixRule, after: Position | undefined, limit: number): Sql {
  const { entity } = rule
  const key = identifier('r', entity.primaryKey)
  const age = ageSql(scope.applied.rule, 'r')
  const values = fieldsOf(rule.prefix).map((field) => sql`${field}::text, ${identifier('r', field)}::text`)
  const further = after === undefined ? [] : [sql`(${age}, ${key}::text) > (${after.age}::timestamptz, ${after.id})`]
  return sql`
    SELECT ${key}::text AS id, ${age}::text AS age, jsonb_build_object(${join(values)}) AS values
    FROM ${identifier(scope.schema, entity.table)} AS r
    WHERE ${allOf([dueSql(scope, 'r'), sql`${identifier('r', rule.cleanedAt)} IS NULL`, ...further])}
    ORDER BY ${age}, ${key}::text
    LIMIT ${limit}::bigint`
}

/** What a plan says of the rule: due rows, all of them counted, with the files of the first ones. */
export interface PrefixPlan {
  readonly rows: bigint
  /** Rows whose files were listed. */
  readonly listed: number
  readonly files: bigint
  readonly bytes: bigint
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
}

/** @param most rows whose files are listed */
export async function planByPrefix(
  db: Cleaning['db'],
  scope: RuleScope,
  choice: Choice,
  most = 200,
): Promise<PrefixPlan> {
  const rule = prefixRule(scope)
  const { rows } = await db.one<{ rows: bigint }>(sql`
    SELECT COUNT(*) AS rows
    FROM ${identifier(scope.schema, rule.entity.table)} AS r
    WHERE ${allOf([dueSql(scope, 'r'), sql`${identifier('r', rule.cleanedAt)} IS NULL`])}`)
  let files = 0n
  let bytes = 0n
  const refused: { id: string; reason: string }[] = []
  if ('refused' in choice) return { rows, listed: 0, files, bytes, refused }
  const some = await db.rows<DueRow>(dueRows(scope, rule, undefined, most))
  await eachOf(some, async ({ id, values }) => {
    const filled = fillPrefix(rule.prefix, values)
    if ('refused' in filled) {
      refused.push({ id, reason: filled.refused })
      return
    }
    for await (const file of choice.store.list(filled.prefix)) {
      files += 1n
      bytes += BigInt(file.bytes)
    }
  })
  return { rows, listed: some.length, files, bytes, refused }
}

/** One transaction: rows locked, their files deleted, the rows stamped. */
async function cleanTasks(
  cleaning: Cleaning,
  scope: RuleScope,
  rule: PrefixRule,
  store: Store,
  after: Position | undefined,
  limit: number,
  tally: Tally,
): Promise<{ readonly rows: number; readonly last: Position | undefined }> {
  const { db, run } = cleaning
  const { actorSetting } = scope.system
  const done = await db.transaction(
    async (tx) => {
      await run.lease.guard(tx)
      const rows = await tx.rows<DueRow>(
        sql`${dueRows(scope, rule, after, limit)} FOR NO KEY UPDATE OF r SKIP LOCKED`,
      )
      if (rows.length === 0) return undefined
      await cleaning.at?.('removing')
      const emptied = await emptyPrefixes(rule, store, rows)
      await cleaning.at?.('removed')
      await stamp(cleaning, scope, rule, tx, emptied.clean)
      await cleaning.at?.('committing')
      return { rows, emptied }
    },
    {
      settings: {
        ...(actorSetting === undefined ? {} : { [actorSetting]: run.actor.osUser }),
        idle_in_transaction_session_timeout: '0',
      },
    },
  )
  if (done === undefined) return { rows: 0, last: undefined }
  await cleaning.at?.('committed')
  const { rows, emptied } = done
  tally.batches += 1
  tally.handled += rows.length
  tally.rows += emptied.clean.length
  tally.removed += emptied.removed
  tally.missing += emptied.missing
  tally.bytes += emptied.bytes
  for (const [id, reason] of emptied.failed) tally.fail(id, reason)
  tally.heard(emptied.silent ? [{ store: store.name }] : [], !emptied.silent)
  return { rows: rows.length, last: rows.at(-1) }
}

interface Emptied {
  /** Ids of rows that have no file left. */
  readonly clean: readonly string[]
  readonly failed: ReadonlyMap<string, string>
  readonly removed: number
  readonly missing: number
  readonly bytes: bigint
  readonly silent: boolean
}

async function emptyPrefixes(rule: PrefixRule, store: Store, rows: readonly DueRow[]): Promise<Emptied> {
  const failed = new Map<string, string>()
  const fail = (id: string, reason: string) => void (failed.has(id) || failed.set(id, reason))
  let [removed, missing, bytes, silent] = [0, 0, 0n, false]
  let waiting: { readonly id: string; readonly uri: string; readonly bytes: number }[] = []

  async function flush(): Promise<void> {
    const some = waiting
    waiting = []
    if (some.length === 0) return
    try {
      const answers = await store.remove(some.map(({ uri }) => uri))
      for (const [index, { id, bytes: size }] of some.entries()) {
        const answer = answers[index] ?? { outcome: 'failed', reason: `store ${store.name} gave no answer` }
        if (answer.outcome === 'removed') {
          removed += 1
          bytes += BigInt(size)
        } else if (answer.outcome === 'missing') missing += 1
        else fail(id, answer.reason)
      }
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      silent = true
      for (const { id } of some) fail(id, error.message)
    }
  }

  await eachOf(rows, async ({ id, values }) => {
    const filled = fillPrefix(rule.prefix, values)
    if ('refused' in filled) return fail(id, filled.refused)
    const { prefix } = filled
    try {
      const listing = store.list(prefix, undefined, ({ path, why }) => {
        if (why !== 'temporary' && why !== 'folder marker') fail(id, `refused: ${why} at ${path}`)
      })
      for await (const file of listing) {
        if (!file.path.startsWith(prefix)) throw new RangeError('a listing went beyond its prefix')
        waiting.push({ id, uri: file.uri, bytes: file.bytes })
        if (waiting.length >= TOGETHER) await flush()
      }
    } catch (error) {
      if (!(error instanceof StewardError)) throw error
      fail(id, error.message)
    }
  })
  await flush()
  const clean = rows.filter(({ id }) => !failed.has(id)).map(({ id }) => id)
  return { clean, failed, removed, missing, bytes, silent }
}

/** The rows say from now on that their files are gone; recorded as any change by an operator. */
async function stamp(
  { run }: Cleaning,
  { system, schema }: RuleScope,
  { name, entity, cleanedAt }: PrefixRule,
  tx: Transaction,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const field = entity.fields[entity.primaryKey]
  const type = field === undefined ? raw('text') : castIn(schema, field)
  const stamped = await tx.rows<{ id: string; at: string }>(sql`
    UPDATE ${identifier(schema, entity.table)} AS r
    SET ${identifier(cleanedAt)} = clock_timestamp()
    WHERE ${identifier('r', entity.primaryKey)} = ANY (${[...ids]}::${type}[])
      AND ${identifier('r', cleanedAt)} IS NULL
    RETURNING ${identifier('r', entity.primaryKey)}::text AS id, ${identifier('r', cleanedAt)} AS at`)
  await recordAudit(
    tx,
    run.actor,
    stamped.map(({ id, at }) => ({
      system: system.name,
      entity: entity.name,
      action: `clean ${name}`,
      rowId: id,
      before: { [entity.primaryKey]: id, [cleanedAt]: null },
      after: { [entity.primaryKey]: id, [cleanedAt]: at },
    })),
  )
}

/** Several at a time, from one list; the first failure ends them all. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let broken = false
  const worker = async () => {
    for (let item = items[next++]; item !== undefined && !broken; item = items[next++]) {
      try {
        await work(item)
      } catch (error) {
        broken = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker))
}
