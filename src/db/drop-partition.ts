/**
 * Dropping a partition that is over (PostgreSQL manual, 5.12.2.2): no row is deleted, no index is touched, and all of
 * its space goes back to the operating system at once. What it takes is a moment without anybody on the table.
 */
import { RefusedError } from '../errors.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import { foreignKeysTo, refersTo } from './catalog/foreign-keys.ts'
import type { Queryable, Transaction } from './database.ts'
import { type DropWaits, lockForDrop, withPatience } from './drop-locks.ts'
import { heldPartitions, heldReason } from './holds.ts'
import { type Partition, partitionsBefore } from './partition-catalog.ts'
import { lockPartitions, type MonthlyTable } from './partitions.ts'

/** Why a partition that is over cannot go; undefined when it can. */
export async function whyKept(
  db: Queryable,
  { schema, table }: MonthlyTable,
  partition: Pick<Partition, 'schema' | 'name'>,
): Promise<string | undefined> {
  for (const key of await foreignKeysTo(db, schema, table)) {
    const { referenced } = await db.one<{ referenced: boolean }>(sql`
      SELECT EXISTS (
        SELECT
        FROM ${identifier(partition.schema, partition.name)} AS p
        JOIN ${identifier(key.schema, key.table)} AS r ON ${refersTo(key, 'r', 'p')}
      ) AS referenced`)
    if (referenced) return `still referenced by ${key.schema}.${key.table} (${key.name})`
  }
  const views = await db.rows<{ name: string }>(sql`
    SELECT DISTINCT format('%s.%s', n.nspname, v.relname) AS name
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass
      AND d.refobjid = to_regclass(format('%I.%I', ${partition.schema}::text, ${partition.name}::text))
    ORDER BY 1`)
  return views.length === 0 ? undefined : `the view ${views.map(({ name }) => name).join(', ')} is made of it`
}

/**
 * Drops a partition inside the caller's transaction, once it is sure that it is one still and that it is over.
 *
 * A plain DROP needs the table and its default partition for itself, for a moment. Where other tables refer to the
 * table, PostgreSQL wants the partition detached first, and refuses when one of them refers to a row of it.
 *
 * @param cutoff the first instant that is too young for the rule
 * @returns false when it is gone already
 * @throws RefusedError (exit 5) when it is not over, a row of it is held, or rows of other tables refer to it; LockedError
 */
export async function dropPartition(
  tx: Transaction,
  monthly: MonthlyTable,
  { schema, name }: Pick<Partition, 'schema' | 'name'>,
  cutoff: Sql,
  waits: DropWaits,
): Promise<boolean> {
  const parent = identifier(monthly.schema, monthly.table)
  const partition = identifier(schema, name)
  await lockPartitions(tx, monthly)
  const found = (await partitionsBefore(tx, monthly, cutoff)).find(
    (one) => one.schema === schema && one.name === name,
  )
  if (found === undefined) return false
  if (!found.isPast) throw notOver(schema, name)
  const held = (await heldPartitions(tx, monthly, [found]))(found)
  if (held !== undefined) {
    throw new RefusedError({ code: 'partition-held', message: `${schema}.${name} is ${heldReason(held)}` })
  }
  const referenced = (await foreignKeysTo(tx, monthly.schema, monthly.table)).length > 0
  if (!found.detachPending) await lockForDrop(tx, monthly, found, waits)
  await withPatience(tx, waits, async () => {
    if (found.detachPending) await tx.execute(sql`ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE`)
    else if (referenced) await tx.execute(sql`ALTER TABLE ${parent} DETACH PARTITION ${partition}`)
    await tx.execute(sql`DROP TABLE ${partition}`)
  })
  return true
}

function notOver(schema: string, name: string): RefusedError {
  return new RefusedError({
    code: 'partition-not-over',
    message: `${schema}.${name} is not over any more: its bounds or the rule changed meanwhile`,
  })
}
