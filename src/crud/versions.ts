/** The versions that a row had (model, `VersionsOperation`), the present one the newest of them, and how two differ. */
import type { Queryable } from '../db/database.ts'
import { NotFoundError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import type { VersionsOperation } from '../model/operation.ts'
import { identifier, sql } from '../model/sql.ts'
import { entityNamed } from '../model/system.ts'
import { type Change, changesBetween, someOf } from './changes.ts'
import { notFound } from './missing.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { selectList, selectRow } from './select.ts'

/** Whether a version is the one that holds now; a column of the list. */
const CURRENT = 'is_current'

export interface Versions {
  /** Newest first; each with `CURRENT`. */
  readonly rows: readonly Cells[]
  /** There are older ones. */
  readonly cut: boolean
}

/** The entity that keeps the versions. @throws RangeError (a bug) when the operation names none */
export function versionScope(scope: Scope, { entity: name }: VersionsOperation): Scope {
  const entity = entityNamed(scope.system, name)
  if (!entity) throw new RangeError(`${scope.system.name} has no entity ${name}`)
  return scopeOf(scope, entity)
}

/**
 * Lists the versions of a row.
 *
 * @param fields of the entity that keeps them
 * @throws NotFoundError (exit 4) when there is no such row
 */
export async function listVersions(
  db: Queryable,
  scope: Scope,
  operation: VersionsOperation,
  { id, fields, limit }: { readonly id: string; readonly fields: readonly string[]; readonly limit: number },
): Promise<Versions> {
  const kept = versionScope(scope, operation)
  const present = await presentRow(db, scope, id)
  const found = await db.rows<Cells>(sql`
    SELECT ${selectList([...new Set([operation.number, ...fields])])}
    FROM ${tableOf(kept)}
    WHERE ${identifier(operation.via)} = ${keyOf(kept, operation, id)}
    ORDER BY ${identifier(operation.number)} DESC
    LIMIT ${limit + 1}::bigint`)
  const number = presentNumber(scope.entity, operation, present, found[0])
  const isKept = found.some((row) => sameNumber(row[operation.number], number))
  const rows = [
    ...(isKept ? [] : [presentVersion(kept.entity, operation, present, number, fields)]),
    ...found.map((row) => ({ ...row, [CURRENT]: sameNumber(row[operation.number], number) })),
  ]
  return { rows: rows.slice(0, limit), cut: rows.length > limit }
}

export interface DifferingField extends Change {
  /** Unified diff of two texts that have lines; null for every other value. */
  readonly patch: string | null
}

export interface Difference {
  readonly from: string
  readonly to: string
  /** In the declared order; none where the versions are alike. */
  readonly fields: readonly DifferingField[]
}

/**
 * How two versions of a row differ: without numbers the newest from the one before.
 *
 * @throws NotFoundError (exit 4) when there is no such row, or no such version
 */
export async function differenceBetween(
  db: Queryable,
  scope: Scope,
  operation: VersionsOperation,
  { id, from, to }: { readonly id: string; readonly from?: number | undefined; readonly to?: number | undefined },
): Promise<Difference> {
  const kept = versionScope(scope, operation)
  const present = await presentRow(db, scope, id)
  const numbers = await db.rows<{ number: unknown }>(sql`
    SELECT ${identifier(operation.number)} AS number
    FROM ${tableOf(kept)}
    WHERE ${identifier(operation.via)} = ${keyOf(kept, operation, id)}
    ORDER BY ${identifier(operation.number)}`)
  const newest = numbers.at(-1)
  const current = presentNumber(scope.entity, operation, present, newest && { [operation.number]: newest.number })
  const known = [...new Set([...numbers.map(({ number }) => String(number)), String(current)])].sort(
    (one, other) => Number(one) - Number(other),
  )
  const [earlier, later] = chosen(scope, id, known, from, to)
  const read = async (number: string): Promise<Cells> => {
    if (number === String(current)) return present
    return db.one<Cells>(sql`
      SELECT ${selectList(operation.compares)}
      FROM ${tableOf(kept)}
      WHERE ${identifier(operation.via)} = ${keyOf(kept, operation, id)}
        AND ${identifier(operation.number)} = ${number}::${castType(kept, fieldOf(kept.entity, operation.number))}`)
  }
  const [before, after] = [await read(earlier), await read(later)]
  const { diffTexts } = await import('./text-diff.ts')
  const compared = {
    ...scope.entity,
    fields: Object.fromEntries(operation.compares.map((key) => [key, fieldOf(scope.entity, key)])),
  }
  const fields = changesBetween(compared, before, after).map((change) => {
    const texts = { name: change.field, before: change.before, after: change.after }
    const isSecret = fieldOf(scope.entity, change.field).secret === true
    return { ...change, patch: isSecret ? null : diffTexts(texts, `version ${earlier}`, `version ${later}`) }
  })
  return { from: earlier, to: later, fields }
}

/** The two versions that are meant. @throws NotFoundError (exit 4) naming those that are not there */
function chosen(
  { entity }: Scope,
  id: string,
  known: readonly string[],
  from: number | undefined,
  to: number | undefined,
): readonly [earlier: string, later: string] {
  const missing = [from, to].flatMap((number) =>
    number === undefined || known.includes(String(number)) ? [] : [String(number)],
  )
  if (missing.length > 0) {
    throw new NotFoundError({
      code: 'no-such-version',
      message: `${entity.name} ${id} has no version ${missing.join(' and no version ')}`,
      hint: `It has ${known.length === 1 ? 'version' : 'the versions'} ${someOf(known.toReversed())}`,
    })
  }
  const last = to === undefined ? (known.at(-1) ?? '') : String(to)
  const before = known[known.indexOf(last) - 1]
  const first = from === undefined ? before : String(from)
  if (first === undefined) {
    throw new NotFoundError({
      code: 'no-such-version',
      message: `${entity.name} ${id} has no version before ${last}`,
      hint: known.length === 1 ? 'It never changed' : 'Name two versions with --from and --to',
    })
  }
  return [first, last]
}

async function presentRow(db: Queryable, scope: Scope, id: string): Promise<Cells> {
  const row = await selectRow(db, scope, id)
  if (!row) throw notFound(scope, [id])
  return row
}

/** The number of the version that holds now: the row's own, or the next after those that are kept. */
function presentNumber(
  entity: Entity,
  { number }: VersionsOperation,
  present: Cells,
  newest: Cells | undefined,
): unknown {
  if (Object.hasOwn(entity.fields, number)) return present[number]
  return Number(newest?.[number] ?? 0) + 1
}

/** The present row in the form of those that are kept. What only a kept version has is not known of it. */
function presentVersion(
  kept: Entity,
  operation: VersionsOperation,
  present: Cells,
  number: unknown,
  fields: readonly string[],
): Cells {
  const known = fields.filter((key) => operation.compares.includes(key))
  return {
    ...Object.fromEntries(fields.map((key) => [key, null])),
    ...Object.fromEntries(known.map((key) => [key, present[key] ?? null])),
    ...(Object.hasOwn(kept.fields, operation.via)
      ? { [operation.via]: present[kept.fields[operation.via]?.reference?.field ?? ''] ?? null }
      : {}),
    [operation.number]: number,
    [CURRENT]: true,
  }
}

function keyOf(kept: Scope, { via }: VersionsOperation, id: string) {
  return sql`${id}::${castType(kept, fieldOf(kept.entity, via))}`
}

function sameNumber(one: unknown, other: unknown): boolean {
  return String(one) === String(other)
}
