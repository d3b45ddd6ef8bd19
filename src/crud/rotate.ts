/**
 * Rotating the key of an encrypted field (decision 35): every value is opened with the present key and sealed again with
 * the new one, in batches of a transaction each. A value says which key it is sealed under, so a run that was killed is
 * simply repeated: what is under the new key already is not touched.
 */
import type { CredentialsKey } from '../config/credentials.ts'
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type InterruptedError, throwIfStopped, type UnfinishedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { RotateOperation } from '../model/operation.ts'
import { identifier, raw, type Sql, sql } from '../model/sql.ts'
import { ignoreProgress, type OnProgress } from '../progress.ts'
import { recordChanged } from './audited.ts'
import type { Failure } from './changes.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { decrypt, encrypt, Unopenable } from './seal.ts'
import { placeOf } from './sealing.ts'
import { selectList } from './select.ts'
import { isStop } from './stop.ts'
import { unitOfWork } from './unit-of-work.ts'

/** Rows of one transaction. */
const BATCH = 100

/** The key a value is sealed under: `present` and `new` as the run has them. */
export type Holder = 'present' | 'new' | 'unknown' | 'none'

export interface KeyCount {
  /** Id of the key; null for values that are no sealed text. */
  readonly key: string | null
  readonly holder: Holder
  readonly rows: bigint
}

export interface Keys {
  readonly present: CredentialsKey
  readonly next: CredentialsKey
}

export interface RotateResult {
  readonly rotated: number
  /** Rows that cannot be opened, and stay as they are. */
  readonly failures: readonly Failure[]
  readonly stopped?: InterruptedError | UnfinishedError
}

/** How many values each key holds. */
export async function countKeys(
  db: Database,
  scope: Scope,
  operation: RotateOperation,
  keys: Keys,
): Promise<KeyCount[]> {
  const value = identifier(operation.field)
  const counts = await db.rows<{ key: string | null; rows: bigint }>(sql`
    SELECT ${keyIdSql(value)} AS key, count(*) AS rows
    FROM ${tableOf(scope)}
    WHERE ${value} IS NOT NULL
    GROUP BY 1
    ORDER BY 1`)
  return counts.map(({ key, rows }) => ({ key, holder: holderOf(key, keys), rows }))
}

/**
 * Seals every value again that is under the present key. Values under keys that nobody gave, and damaged ones, are
 * failures and stay as they are. What others seal under the present key meanwhile is found by going over the rows again
 * until there is nothing left to do.
 */
export async function rotateKey(
  db: Database,
  scope: Scope,
  operation: RotateOperation,
  keys: Keys,
  options: {
    readonly actor: Actor
    readonly signal: AbortSignal
    readonly total: number
    readonly onProgress?: OnProgress
  },
): Promise<RotateResult> {
  const { signal, total, onProgress = ignoreProgress } = options
  const failed = new Map<string, Failure>()
  const failures = () => [...failed.values()]
  let rotated = 0
  let found = 0
  let after: string | undefined
  try {
    for (;;) {
      throwIfStopped(signal)
      const batch = await unitOfWork(db, false, (transaction) =>
        rotateBatch(transaction, scope, operation, keys, after, options.actor),
      )
      for (const failure of batch.failures) failed.set(failure.id, failure)
      rotated += batch.rotated
      found += batch.rotated
      onProgress({ label: `sealing ${operation.field}`, done: rotated, total, unit: 'rows' })
      after = batch.last
      if (after !== undefined) continue
      if (found === 0) return { rotated, failures: failures() }
      found = 0
    }
  } catch (error) {
    if (!isStop(error)) throw error
    return { rotated, failures: failures(), stopped: error }
  }
}

interface Batch {
  readonly rotated: number
  readonly failures: readonly Failure[]
  /** Key of the last row; undefined when there was none. */
  readonly last?: string
}

/** The next rows that are not under the new key, in the order of their keys, locked while they are sealed again. */
async function rotateBatch(
  transaction: Transaction,
  scope: Scope,
  { field, name }: RotateOperation,
  { present, next }: Keys,
  after: string | undefined,
  actor: Actor,
): Promise<Batch> {
  const { entity } = scope
  const key = identifier(entity.primaryKey)
  const type = castType(scope, fieldOf(entity, entity.primaryKey))
  const columns = selectList(Object.keys(entity.fields))
  const rows = await transaction.rows<Cells>(sql`
    SELECT ${columns}
    FROM ${tableOf(scope)}
    WHERE ${identifier(field)} IS NOT NULL
      AND ${keyIdSql(identifier(field))} IS DISTINCT FROM ${next.id}
      AND ${after === undefined ? raw('TRUE') : sql`${key} > ${after}::${type}`}
    ORDER BY ${key}
    LIMIT ${BATCH}
    FOR NO KEY UPDATE`)
  const failures: Failure[] = []
  const sealed: { id: string; text: string }[] = []
  for (const row of rows) {
    const id = String(row[entity.primaryKey])
    const place = placeOf(scope, field, id)
    try {
      sealed.push({ id, text: encrypt(decrypt(String(row[field]), present, place), next, place) })
    } catch (error) {
      if (!(error instanceof Unopenable)) throw error
      failures.push({ id, reason: error.message })
    }
  }
  const stored = await transaction.rows<Cells>(sql`
    UPDATE ${tableOf(scope)} AS steward_row
    SET ${identifier(field)} = sealed.text
    FROM unnest(${sealed.map(({ id }) => id)}::${type}[], ${sealed.map(({ text }) => text)}::text[]) AS sealed (id, text)
    WHERE ${identifier('steward_row', entity.primaryKey)} = sealed.id
    RETURNING ${selectList(Object.keys(entity.fields), 'steward_row')}`)
  await recordChanged(transaction, scope, { action: name, actor }, rows, stored)
  const last = rows.at(-1)
  return {
    rotated: stored.length,
    failures,
    ...(last === undefined ? {} : { last: String(last[entity.primaryKey]) }),
  }
}

/** The id of a value's key, as `keyIdOf` reads it. */
function keyIdSql(value: Sql): Sql {
  return sql`substring(${value} from '^v1[.]([0-9a-f]{8})(?:[.][A-Za-z0-9_-]*){3}$')`
}

function holderOf(key: string | null, { present, next }: Keys): Holder {
  if (key === null) return 'none'
  return key === present.id ? 'present' : key === next.id ? 'new' : 'unknown'
}
