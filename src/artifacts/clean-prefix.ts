/**
 * `delete-files` rules by prefix (decisions 39 and 45): the files of a row are those below a prefix made of its fields.
 * All of them go, then the row is stamped; killed in between, the next run lists again what is left.
 */
import { recordAudit } from '../db/audit.ts'
import type { Transaction } from '../db/database.ts'
import { adaptiveSize, type Stop } from '../db/pace.ts'
import { InterruptedError, StewardError, UnfinishedError } from '../errors.ts'
import { castIn } from '../model/cast.ts'
import type { RuleScope } from '../model/due.ts'
import { identifier, raw, sql } from '../model/sql.ts'
import type { Store } from '../storage/store.ts'
import { awake } from './awake.ts'
import { emptyPrefixes } from './empty-prefixes.ts'
import { type Choice, storeOfPrefix } from './prefix.ts'
import { countDueRows, type DueRow, dueRows, type Position, type PrefixRule, prefixRule } from './prefix-rows.ts'
import type { Cleaning, CleanResult } from './scope.ts'
import { Tally } from './tally.ts'

const BATCH = { first: 20, least: 1, most: 1_000 } as const

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
  const found = await storeFor(choice, scope, rule)
  if ('failed' in found) {
    tally.fail('of every row', found.failed)
    return { ...tally.result(undefined, undefined), outcome: 'failed', why: 'it failed' }
  }
  if ('refused' in found) {
    tally.keep(found.refused, Number(await countDueRows(cleaning.db, scope, rule)))
    return { ...tally.result(undefined, undefined), why: 'there is no store to look in' }
  }
  const { store } = found
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
      const batch = await cleanTasks(cleaning, scope, rule, store, after, Math.min(size.current, left), tally)
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

/** That a store does not answer is a failure of its rule, and not the end of the run. */
async function storeFor(
  choice: Choice,
  { system }: RuleScope,
  { prefix }: PrefixRule,
): Promise<Choice | { readonly failed: string }> {
  try {
    return await storeOfPrefix(choice, system.name, prefix)
  } catch (error) {
    if (error instanceof StewardError) return { failed: error.message }
    throw error
  }
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
      const emptied = await awake(tx, () => emptyPrefixes(rule, store, rows))
      await cleaning.at?.('removed')
      await stamp(cleaning, scope, rule, tx, emptied.clean)
      await cleaning.at?.('committing')
      return { rows, emptied }
    },
    { settings: actorSetting === undefined ? {} : { [actorSetting]: run.actor.osUser } },
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
