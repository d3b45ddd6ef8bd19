/** Rows moved to the archive by hand, as an archive run leaves them, for tests of what comes after. */

import { digestSql, TEXT_SETTINGS } from '../../src/archive/digest.ts'
import { type BatchHead, nextBatchId, recordBatch } from '../../src/archive/record.ts'
import type { RestoreRequest } from '../../src/archive/restore-request.ts'
import { archiveSchemaOf } from '../../src/config/config.ts'
import { columns, constraints } from '../../src/db/catalog.ts'
import type { Database } from '../../src/db/database.ts'
import type { JobRun } from '../../src/db/job-run.ts'
import { identifier, join, raw, sql } from '../../src/model/sql.ts'

/** Rows of a table by a condition in SQL on its columns; all of the batch's tables are moved in one transaction. */
export interface Moving {
  readonly table: string
  readonly where: string
}

/** @returns the number of the batch */
export async function archiveByHand(
  db: Database,
  schema: string,
  moving: readonly [Moving, ...Moving[]],
  head: Partial<Pick<BatchHead, 'rule' | 'oldest' | 'newest' | 'roots'>> = {},
): Promise<bigint> {
  for (const { table } of moving) await ensureArchiveTable(db, schema, table)
  const own = await columns(db, schema)
  return db.transaction(
    async (tx) => {
      const batch = await nextBatchId(tx)
      const counted = []
      for (const { table, where } of moving) {
        const names = own.filter((column) => column.table === table).map(({ name }) => name)
        const list = join(names.map((name) => identifier(name)))
        const archive = identifier(archiveSchemaOf(schema), table)
        await tx.execute(sql`
          INSERT INTO ${archive} (${list}, steward_batch_id)
          SELECT ${list}, ${batch} FROM ${identifier(schema, table)} WHERE ${raw(where)}`)
        const { rows, digest } = await tx.one<{ rows: bigint; digest: string }>(sql`
          SELECT count(*) AS rows, ${digestSql('a', names)} AS digest FROM ${archive} AS a
          WHERE steward_batch_id = ${batch}`)
        counted.push({ table, rows, digest, columns: names })
      }
      // One statement, so that it is no matter in which order the tables are named.
      const deletes = moving.map(
        ({ table, where }, index) =>
          sql`d${raw(String(index))} AS (DELETE FROM ${identifier(schema, table)} WHERE ${raw(where)})`,
      )
      await tx.execute(sql`WITH ${join(deletes)} SELECT`)
      await recordBatch(
        tx,
        batch,
        {
          runId: 1n,
          leaseToken: 1n,
          schema,
          rootTable: moving[0].table,
          rule: head.rule ?? 'by-hand',
          oldest: head.oldest ?? null,
          newest: head.newest ?? null,
          roots: head.roots ?? counted[0]?.rows ?? 0n,
        },
        counted,
      )
      return batch
    },
    { settings: TEXT_SETTINGS },
  )
}

/** Same columns, no constraint, nothing generated, and the number of the batch. */
async function ensureArchiveTable(db: Database, schema: string, table: string): Promise<void> {
  const archive = archiveSchemaOf(schema)
  await db.execute(sql`CREATE SCHEMA IF NOT EXISTS ${identifier(archive)}`)
  const own = (await columns(db, schema)).filter((column) => column.table === table)
  const list = own.map(({ name, type }) => sql`${identifier(name)} ${raw(type)}`)
  await db.execute(sql`
    CREATE TABLE IF NOT EXISTS ${identifier(archive, table)} (${join(list)}, steward_batch_id bigint NOT NULL)`)
  const key = (await constraints(db, schema)).find((one) => one.table === table && one.kind === 'primary key')
  for (const [name, on] of [
    ['batch', ['steward_batch_id']],
    ['key', key?.columns ?? []],
  ] as const) {
    if (on.length === 0) continue
    const index = identifier(`${table}_${name}`)
    const place = identifier(archive, table)
    const names = join(on.map((column) => identifier(column)))
    await db.execute(sql`CREATE INDEX IF NOT EXISTS ${index} ON ${place} (${names})`)
  }
  for (const { name, type } of own) {
    await db.execute(
      sql`ALTER TABLE ${identifier(archive, table)} ADD COLUMN IF NOT EXISTS ${identifier(name)} ${raw(type)}`,
    )
  }
}

/** A run whose lease is held and that nobody stops. */
export function idleRun(db: Database, over: Partial<JobRun> = {}): JobRun {
  return {
    runId: 1n,
    db,
    lease: { names: [], token: () => 1n, guard: async () => {} },
    pace: { next: async () => undefined },
    signal: new AbortController().signal,
    batchMs: 500,
    actor: { command: 'test', argv: [], osUser: 'tester', host: 'test-host' },
    onProgress: () => {},
    say: () => {},
    ...over,
  }
}

export const request = (
  schema: string,
  what: RestoreRequest['what'],
  over: Partial<RestoreRequest> = {},
): RestoreRequest => ({
  schema,
  what,
  follow: 'cascade',
  withParents: false,
  dropColumns: false,
  damaged: false,
  portionRows: 50_000,
  settings: {},
  monthly: [],
  projections: {},
  ...over,
})

/** Every row of a table as text, in order: equal arrays are equal contents, whatever the types. */
export function contents(db: Database, schema: string, table: string): Promise<string[]> {
  return db.transaction(
    async (tx) => {
      const rows = await tx.rows<{ row: string }>(
        sql`SELECT t::text AS row FROM ${identifier(schema, table)} AS t ORDER BY 1`,
      )
      return rows.map(({ row }) => row)
    },
    { settings: TEXT_SETTINGS },
  )
}
