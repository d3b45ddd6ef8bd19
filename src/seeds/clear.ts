/**
 * `seed clear`: removes what the plan names and nothing else. Children go before their parents, so nothing is left to
 * the cascade; a child that turns up meanwhile stops the removal instead of going along unseen.
 */
import type { ForeignKey } from '../db/catalog.ts'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import { ROW_GOES_FIRST } from '../db/tombstones.ts'
import { RefusedError, throwIfStopped } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'
import type { OnProgress } from '../progress.ts'
import type { FileStore } from '../storage/file-store.ts'
import { type ClearPlan, foreignKeys, type Link, linksOf, planIn } from './clear-plan.ts'
import type { SeedDefinition, SeedTable } from './definition.ts'
import { removeFiles } from './files.ts'
import { idType, seededSql } from './ids.ts'
import { deleteSeedSet, lockSeedSet, markClearing, type SeedSet } from './set.ts'
import { applySettings } from './settings.ts'
import { idIn, keyOf, tableSql } from './tables.ts'

export interface ClearRequest {
  readonly definition: SeedDefinition
  readonly schema: string
  /** Holds the files of small sets. */
  readonly store: FileStore | undefined
  /** The system's entities: whose files, by hand, are due for deletion (decision 20). */
  readonly entities: readonly Entity[]
  /** Called with the rows that were not seeded, in the transaction that deletes them. */
  readonly onByHand: (tx: Transaction, table: string, ids: readonly string[]) => Promise<void>
}

export interface ClearOutcome {
  /** Rows deleted by table, parents first. */
  readonly rows: ReadonlyMap<string, number>
  readonly filesRemoved: number
}

/** Rows a batch; up to this many in all, everything is one transaction. */
const BATCH = 10_000

const UNBOUNDED = { statementTimeoutMs: 0 } as const

/**
 * Does the plan.
 *
 * @throws RefusedError when the data changed since it was made; LockedError when another run is at the set
 */
export async function applyClear(
  db: Database,
  request: ClearRequest,
  plan: ClearPlan,
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<ClearOutcome> {
  const total = plan.tables.reduce((sum, { seeded, byHand }) => sum + seeded + byHand.length, 0)
  const clearing = new Clearing(request, plan, total, onProgress)
  // A small set goes in one transaction, so that it is there or gone; a large one batch by batch.
  if (total <= BATCH) {
    await db.transaction(async (tx) => {
      await clearing.begin(tx)
      await clearing.removeFiles(tx)
      while (await clearing.batch(tx)) throwIfStopped(signal)
      await clearing.end(tx)
    }, UNBOUNDED)
    return clearing.outcome()
  }
  await db.transaction((tx) => clearing.begin(tx), UNBOUNDED)
  await db.transaction((tx) => clearing.removeFiles(tx), UNBOUNDED)
  while (await db.transaction((tx) => clearing.locked(tx, () => clearing.batch(tx)), UNBOUNDED))
    throwIfStopped(signal)
  await db.transaction((tx) => clearing.locked(tx, () => clearing.end(tx)), UNBOUNDED)
  return clearing.outcome()
}

class Clearing {
  readonly #request: ClearRequest
  readonly #plan: ClearPlan
  readonly #total: number
  readonly #onProgress: OnProgress
  readonly #deleted = new Map<string, number>()
  /** Children first. */
  readonly #pending: { readonly table: SeedTable; readonly byHand: ReadonlySet<string>; after: string | undefined }[]
  #cascades: readonly Link[] = []
  #done = 0
  #filesRemoved = 0

  constructor(request: ClearRequest, plan: ClearPlan, total: number, onProgress: OnProgress) {
    this.#request = request
    this.#plan = plan
    this.#total = total
    this.#onProgress = onProgress
    this.#pending = request.definition.tables.toReversed().flatMap((table) => {
      const planned = plan.tables.find((one) => one.table === table.table)
      return planned === undefined ? [] : [{ table, byHand: new Set(planned.byHand), after: undefined }]
    })
  }

  async begin(tx: Transaction): Promise<void> {
    const { definition, schema } = this.#request
    await applySettings(tx, definition)
    await lockSeedSet(tx, schema)
    if (!samePlan(await planIn(tx, definition, schema), this.#plan)) throw changed()
    await markClearing(tx, definition.system, schema)
    const keys: readonly ForeignKey[] = await foreignKeys(tx, definition, schema)
    this.#cascades = linksOf(definition, schema, keys, 'cascade')
  }

  /** Files before rows (decision 20); one that a remaining row stands for stays. */
  async removeFiles(tx: Transaction): Promise<void> {
    const { definition, store } = this.#request
    const { parameters } = this.#plan.set
    if (store === undefined) return
    const uris = new Set<string>()
    for (const { uri } of definition.plan(parameters).files()) if (store.contains(uri)) uris.add(uri)
    for (const uri of await this.#urisThatStay(tx, [...uris])) uris.delete(uri)
    this.#filesRemoved = await removeFiles(store, [...uris], (done) => {
      this.#onProgress({ label: 'removing artifact files', done, total: uris.size, unit: 'files' })
    })
  }

  /** Deletes the next batch of rows. @returns false when there is none */
  async batch(tx: Transaction): Promise<boolean> {
    for (let current = this.#pending[0]; current !== undefined; current = this.#pending[0]) {
      const { table, byHand, after } = current
      const ids = await this.#lockBatch(tx, table, byHand, after)
      const last = ids.at(-1)
      if (last === undefined) {
        this.#pending.shift()
        continue
      }
      current.after = last
      await this.#refuseChildren(tx, table, ids)
      const others = ids.filter((id) => byHand.has(id))
      if (others.length > 0) await this.#recordByHand(tx, table, others)
      const key = identifier(keyOf(table))
      const count = await tx.execute(
        sql`DELETE FROM ${tableSql(this.#request.schema, table)} WHERE ${idIn(table, key, ids)}`,
      )
      this.#deleted.set(table.table, (this.#deleted.get(table.table) ?? 0) + count)
      this.#done += count
      this.#onProgress({
        label: `clearing ${this.#request.schema}`,
        done: this.#done,
        total: Math.max(this.#total, this.#done),
        unit: 'rows',
      })
      return true
    }
    return false
  }

  async end(tx: Transaction): Promise<void> {
    await deleteSeedSet(tx, this.#request.definition.system, this.#request.schema)
  }

  async locked<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
    await applySettings(tx, this.#request.definition)
    await lockSeedSet(tx, this.#request.schema)
    return work()
  }

  outcome(): ClearOutcome {
    const rows = new Map(
      this.#request.definition.tables.map(({ table }) => [table, this.#deleted.get(table) ?? 0] as const),
    )
    return { rows, filesRemoved: this.#filesRemoved }
  }

  /** The next rows of the table, locked, so that no child can be added to them any more. */
  async #lockBatch(
    tx: Transaction,
    table: SeedTable,
    byHand: ReadonlySet<string>,
    after: string | undefined,
  ): Promise<string[]> {
    const key = identifier('r', keyOf(table))
    const further = after === undefined ? raw('TRUE') : sql`${key} > ${after}::${raw(idType(table.ids))}`
    const found = await tx.rows<{ id: string }>(sql`
      SELECT ${key}::text AS id
      FROM ${tableSql(this.#request.schema, table)} AS r
      WHERE ${further}
        AND (${seededSql(key, table.ids, this.#plan.set.parameters.until)}
          OR ${idIn(table, key, [...byHand])})
      ORDER BY ${key}
      LIMIT ${BATCH}
      FOR UPDATE`)
    return found.map(({ id }) => id)
  }

  /** Every planned child is gone by now; one that is there was added after the plan. */
  async #refuseChildren(tx: Transaction, parent: SeedTable, ids: readonly string[]): Promise<void> {
    for (const { child, column, parent: referenced } of this.#cascades) {
      if (referenced !== parent) continue
      const found = await tx.rows(sql`
        SELECT
        FROM ${tableSql(this.#request.schema, child)}
        WHERE ${idIn(parent, identifier(column), ids)}
        LIMIT 1`)
      if (found.length > 0) throw changed()
    }
  }

  async #recordByHand(tx: Transaction, table: SeedTable, ids: readonly string[]): Promise<void> {
    await this.#request.onByHand(tx, table.table, ids)
    const entity = this.#request.entities.find((one) => one.table === table.table)
    if (entity?.file === undefined) return
    const { uri, bytes } = entity.file
    await tx.execute(sql`
      INSERT INTO steward.artifact_tombstones (system, schema_name, entity, artifact_id, uri, bytes, why)
      SELECT ${this.#request.definition.system}, ${this.#request.schema}, ${entity.name},
             ${identifier('r', keyOf(table))}::text, ${identifier('r', uri)}, ${identifier('r', bytes)}, 'seed clear'
      FROM ${tableSql(this.#request.schema, table)} AS r
      WHERE ${idIn(table, identifier('r', keyOf(table)), ids)}
      ${ROW_GOES_FIRST}`)
  }

  async #urisThatStay(db: Queryable, uris: readonly string[]): Promise<string[]> {
    const { definition, schema, entities } = this.#request
    const { until } = this.#plan.set.parameters
    const staying = entities.flatMap((entity) => {
      const table = definition.tables.find((one) => one.table === entity.table)
      if (entity.file === undefined || table === undefined) return []
      const key = identifier('r', keyOf(table))
      const byHand = this.#plan.tables.find((one) => one.table === table.table)?.byHand ?? []
      return [
        sql`SELECT ${identifier('r', entity.file.uri)} AS uri
        FROM ${tableSql(schema, table)} AS r
        WHERE ${identifier('r', entity.file.uri)} = ANY (${uris}::text[])
          AND NOT ${seededSql(key, table.ids, until)}
          AND NOT ${idIn(table, key, byHand)}`,
      ]
    })
    if (staying.length === 0 || uris.length === 0) return []
    return (await db.rows<{ uri: string }>(join(staying, '\n      UNION '))).map(({ uri }) => uri)
  }
}

/** Whether the plan still says what it said when it was shown; rows that are gone meanwhile do no harm. */
function samePlan(now: ClearPlan | undefined, shown: ClearPlan): boolean {
  if (now === undefined || !sameSet(now.set, shown.set)) return false
  return now.tables.every((table) => {
    const planned = new Set(shown.tables.find((one) => one.table === table.table)?.byHand)
    return table.byHand.every((id) => planned.has(id))
  })
}

function sameSet(a: SeedSet, b: SeedSet): boolean {
  return a.startedAt === b.startedAt && a.partsDone === b.partsDone
}

function changed(): RefusedError {
  return new RefusedError({
    code: 'changed-meanwhile',
    message: 'Rows were added below the seeded ones after the plan was made; the rest was not touched',
    hint: 'Run the command again to see the new plan',
  })
}
