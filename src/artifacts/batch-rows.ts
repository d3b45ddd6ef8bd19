/** The rows of a batch: locked, deleted as far as a rule covers them, and why others stay. */
import type { Transaction } from '../db/database.ts'
import { allOf, identifier, sql } from '../model/sql.ts'
import { coveredSql, keepers, keysSql, type Parents, type RowTarget, tableOf, unkeptSql } from './row-target.ts'
import { type Found, lockMarks } from './tombstones.ts'

export const BUSY = 'in use by another transaction'

export interface Locked {
  /** Rows that are there, locked, and stand for the file that was marked. */
  readonly mine: readonly Found[]
  /** Rows that stand for another file by now. */
  readonly changed: readonly Found[]
  /** Marks, locked, whose rows are gone. */
  readonly gone: readonly Found[]
  readonly busy: number
}

/** Locks the rows of marks, and the marks of rows that are gone. */
export async function lockRows(target: RowTarget, tx: Transaction, marks: readonly Found[]): Promise<Locked> {
  const { entity } = target
  const expected = marks.filter(({ rowStays }) => rowStays)
  const key = identifier('a', entity.primaryKey)
  const rows =
    expected.length === 0
      ? []
      : await tx.rows<{ id: string; uri: string | null }>(sql`
          SELECT ${key}::text AS id, ${identifier('a', entity.file.uri)} AS uri
          FROM ${tableOf(target)} AS a
          WHERE ${key} = ANY (${keysSql(target, idsOf(expected))})
          FOR UPDATE SKIP LOCKED`)
  const uriOf = new Map(rows.map(({ id, uri }) => [id, uri]))
  const mine = expected.filter(({ id, uri }) => uriOf.get(id) === uri)
  const changed = expected.filter(({ id, uri }) => uriOf.has(id) && uriOf.get(id) !== uri)
  const absent = expected.filter(({ id }) => !uriOf.has(id))
  const there =
    absent.length === 0
      ? []
      : await tx.rows<{ id: string }>(sql`
          SELECT ${key}::text AS id
          FROM ${tableOf(target)} AS a
          WHERE ${key} = ANY (${keysSql(target, idsOf(absent))})`)
  const busy = new Set(there.map(({ id }) => id))
  const orphaned = [...marks.filter(({ rowStays }) => !rowStays), ...absent.filter(({ id }) => !busy.has(id))]
  // Read again: whoever deleted the row may have put another file into its mark.
  const gone = orphaned.length === 0 ? [] : await lockMarks(tx, target.owner, idsOf(orphaned))
  return { mine, changed, gone, busy: busy.size }
}

/** Deletes those that are covered by a rule now, belong to nothing active, and are referred to by nothing that stays. */
export async function deleteRows(
  target: RowTarget,
  tx: Transaction,
  rows: readonly Found[],
  parents: readonly Parents[],
): Promise<Found[]> {
  if (rows.length === 0) return []
  const key = identifier('a', target.entity.primaryKey)
  const deleted = await tx.rows<{ id: string }>(sql`
    DELETE FROM ${tableOf(target)} AS a
    WHERE ${allOf([
      sql`${key} = ANY (${keysSql(target, idsOf(rows))})`,
      coveredSql(target, 'a'),
      unkeptSql(target, 'a'),
      ...parents.filter(({ busy }) => busy.length > 0).map((parent) => sql`NOT ${isBusy(parent)}`),
    ])}
    RETURNING ${key}::text AS id`)
  const ids = new Set(deleted.map(({ id }) => id))
  return rows.filter(({ id }) => ids.has(id))
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
    ...parents.filter(({ busy }) => busy.length > 0).map((parent) => sql`WHEN ${isBusy(parent)} THEN ${BUSY}`),
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
    if (reason !== BUSY) uncovered.push(row)
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
