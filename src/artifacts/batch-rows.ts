/** The rows of a batch: locked, deleted as far as a rule covers them, and why others stay. */
import type { Transaction } from '../db/database.ts'
import { IN_USE } from '../model/job.ts'
import { allOf, identifier, sql } from '../model/sql.ts'
import { markSingly } from './mark-batches.ts'
import { coveredSql, keepers, keysSql, type Parents, type RowTarget, tableOf, unkeptSql } from './row-target.ts'
import { type Found, lockMarks } from './tombstones.ts'

export interface Locked {
  /** Rows that are there, locked, and stand for the file that was marked. */
  readonly mine: readonly Found[]
  /** Rows that stand for another file by now. */
  readonly changed: readonly Found[]
  /** Marks, locked, whose rows are gone. */
  readonly gone: readonly Found[]
  readonly busy: number
}

/**
 * Locks the rows of marks, and the marks of rows that are gone.
 *
 * @param batch the mark of all of them, where they have none of their own
 */
export async function lockRows(
  target: RowTarget,
  tx: Transaction,
  marks: readonly Found[],
  batch: bigint | undefined,
): Promise<Locked> {
  const expected = marks.filter(({ rowStays }) => rowStays)
  const others = marks.filter(({ rowStays }) => !rowStays)
  const found = expected.length === 0 ? [] : await lockExpected(target, tx, expected)
  const stateOf = new Map(found.map(({ id, state }) => [id, state]))
  const mine = found.length === 0 ? expected : expected.filter(({ id }) => !stateOf.has(id))
  const changed = found.length === 0 ? [] : expected.filter(({ id }) => stateOf.get(id) === 'changed')
  const skipped = found.flatMap(({ id, state }) => (state === 'skipped' ? [id] : []))
  const there = skipped.length === 0 ? [] : await stillThere(target, tx, skipped)
  const busy = new Set(there)
  const absent = skipped.filter((id) => !busy.has(id))
  if (batch !== undefined) await markSingly(tx, batch, absent)
  const orphaned = [...idsOf(others), ...absent]
  // Read again: whoever deleted the row may have put another file into its mark.
  const gone = orphaned.length === 0 ? [] : await lockMarks(tx, target.owner, orphaned)
  return { mine, changed, gone, busy: busy.size }
}

/** Only those are told that are not locked, or stand for another file by now. */
function lockExpected(
  target: RowTarget,
  tx: Transaction,
  marks: readonly Found[],
): Promise<{ readonly id: string; readonly state: 'changed' | 'skipped' }[]> {
  const { entity } = target
  const key = identifier('a', entity.primaryKey)
  return tx.rows(sql`
    WITH locked AS MATERIALIZED (
      SELECT ${key}::text AS id, ${identifier('a', entity.file.uri)} AS uri
      FROM ${tableOf(target)} AS a
      WHERE ${key} = ANY (${keysSql(target, idsOf(marks))})
      FOR UPDATE SKIP LOCKED
    )
    SELECT m.id, CASE WHEN locked.id IS NULL THEN 'skipped' ELSE 'changed' END AS state
    FROM unnest(${idsOf(marks)}::text[], ${marks.map(({ uri }) => uri)}::text[]) AS m (id, uri)
    LEFT JOIN locked ON locked.id = m.id
    WHERE locked.uri IS DISTINCT FROM m.uri`)
}

async function stillThere(target: RowTarget, tx: Transaction, ids: readonly string[]): Promise<string[]> {
  const key = identifier('a', target.entity.primaryKey)
  const rows = await tx.rows<{ id: string }>(sql`
    SELECT ${key}::text AS id
    FROM ${tableOf(target)} AS a
    WHERE ${key} = ANY (${keysSql(target, ids)})`)
  return rows.map(({ id }) => id)
}

/** Deletes those that are covered by a rule now, belong to nothing active, and are referred to by nothing that stays. */
export async function deleteRows(
  target: RowTarget,
  tx: Transaction,
  rows: readonly Found[],
  parents: readonly Parents[],
): Promise<readonly Found[]> {
  if (rows.length === 0) return []
  const key = identifier('a', target.entity.primaryKey)
  const ids = idsOf(rows)
  const count = await tx.execute(sql`
    DELETE FROM ${tableOf(target)} AS a
    WHERE ${allOf([
      sql`${key} = ANY (${keysSql(target, ids)})`,
      coveredSql(target, 'a'),
      unkeptSql(target, 'a'),
      ...parents.filter(({ busy }) => busy.length > 0).map((parent) => sql`NOT ${isBusy(parent)}`),
    ])}`)
  if (count === rows.length) return rows
  // They are locked: which of them are there still says nobody but us.
  const left = new Set(await stillThere(target, tx, ids))
  return rows.filter(({ id }) => !left.has(id))
}

function isBusy({ column, busy }: Parents) {
  return sql`COALESCE(${identifier('a', column)}::text = ANY (${[...busy]}::text[]), FALSE)`
}

export interface Stays {
  readonly kept: ReadonlyMap<string, number>
  /** Rows that are not to go any more: their marks are taken back where the file is still there. */
  readonly uncovered: readonly Found[]
}

/** Why locked rows were not deleted. */
export async function whyNot(
  target: RowTarget,
  tx: Transaction,
  rows: readonly Found[],
  parents: readonly Parents[],
): Promise<Stays> {
  const kept = new Map<string, number>()
  if (rows.length === 0) return { kept, uncovered: [] }
  const key = identifier('a', target.entity.primaryKey)
  const cases = [
    ...parents.filter(({ busy }) => busy.length > 0).map((parent) => sql`WHEN ${isBusy(parent)} THEN ${IN_USE}`),
    ...keepers(target, 'a').map(({ reason, holds }) => sql`WHEN ${holds} THEN ${reason}`),
    sql`WHEN ${coveredSql(target, 'a')} THEN ${VETOED}`,
  ]
  const found = await tx.rows<{ id: string; reason: string }>(sql`
    SELECT ${key}::text AS id, CASE ${cases.reduce((all, one) => sql`${all} ${one}`)} ELSE '' END AS reason
    FROM ${tableOf(target)} AS a
    WHERE ${key} = ANY (${keysSql(target, idsOf(rows))})`)
  const reasons = new Map(found.map(({ id, reason }) => [id, reason]))
  const uncovered: Found[] = []
  for (const row of rows) {
    const reason = reasons.get(row.id) ?? ''
    if (reason !== '') kept.set(reason, (kept.get(reason) ?? 0) + 1)
    if (reason !== IN_USE) uncovered.push(row)
  }
  return { kept, uncovered }
}

const VETOED = 'not deleted by the database (a trigger or row security)'

export function without(all: readonly Found[], some: readonly Found[]): Found[] {
  if (some.length === all.length) return []
  const ids = new Set(some.map(({ id }) => id))
  return all.filter(({ id }) => !ids.has(id))
}

export function idsOf(marks: readonly Found[]): string[] {
  return marks.map(({ id }) => id)
}
