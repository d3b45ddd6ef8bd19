/** Reading an outside event's payload by declared paths (model, `ReplayOperation`). */
import { LosslessNumber } from 'lossless-json'
import type { Queryable } from '../db/database.ts'
import { InvalidValue, NotFoundError, type Problem, RefusedError, UsageError } from '../errors.ts'
import type { PostOperation, ReplayOperation } from '../model/operation.ts'
import { sql } from '../model/sql.ts'
import { resolveIds } from './ids.ts'
import { inputReader } from './input.ts'
import { entriesOf, ledgerOf, type Posting, readAmount } from './ledger.ts'
import { keyIn } from './missing.ts'
import { fieldOf, type Scope, tableOf } from './scope.ts'

/** The row, the amount and the fields of the entry, each from its path; every problem is found. */
export async function readPayload(
  db: Queryable,
  scope: Scope,
  operation: PostOperation,
  handler: ReplayOperation['handlers'][string],
  payload: unknown,
): Promise<{ readonly row: string; readonly given: Posting }> {
  const entries = entriesOf(scope.system, scope.entity)
  const problems: Problem[] = []
  const textOf = (path: string, required: boolean): string | undefined => {
    const found = textAt(payload, path)
    if (typeof found === 'object') return found.text
    if (found === 'wrong') problems.push({ where: path, reason: 'must be text or a number' })
    else if (required) problems.push({ where: path, reason: 'is missing from the payload' })
    return undefined
  }
  for (const { at, is, says } of handler.unless ?? []) {
    const found = textAt(payload, at)
    if (typeof found === 'object' && found.text === is) problems.push({ where: at, reason: `is ${is}: ${says}` })
  }
  const named = textOf(handler.row, true)
  const row = named === undefined ? undefined : await rowNamed(db, scope, handler.row, named, problems)
  const amount = amountIn(textOf(handler.amount, true))
  const texts = Object.entries(handler.values).flatMap(([key, path]): [string, string][] => {
    const text = textOf(path, operation.takes[key] === 'required')
    return text === undefined ? [] : [[key, text]]
  })
  const reader = await inputReader(entries, 'create', Object.keys(handler.values))
  const reading = reader.read(Object.fromEntries(texts), 'text')
  for (const { where = '', reason } of reading.problems) {
    problems.push({ where: handler.values[where] ?? where, reason })
  }
  if (row === undefined || amount === undefined || problems.length > 0) {
    throw new RefusedError({ code: 'payload-refused', message: 'The payload cannot be booked', problems })
  }
  return { row, given: { amount, reading } }

  function amountIn(text: string | undefined): bigint | undefined {
    if (text === undefined) return undefined
    try {
      return readAmount(fieldOf(entries, ledgerOf(scope.entity).amount), operation, text)
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push({ where: handler.amount, reason: error.message })
      return undefined
    }
  }
}

async function rowNamed(
  db: Queryable,
  scope: Scope,
  where: string,
  text: string,
  problems: Problem[],
): Promise<string | undefined> {
  try {
    const [id] = await resolveIds(db, scope, [text])
    const there = await db.maybeOne(
      sql`SELECT FROM ${tableOf(scope)} WHERE ${keyIn(scope, id === undefined ? [] : [id])}`,
    )
    if (there) return id
    problems.push({ where, reason: `names ${scope.entity.name} ${text}, which does not exist` })
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof UsageError)) throw error
    const reason = error instanceof NotFoundError ? 'which does not exist' : 'which is no id'
    problems.push({ where, reason: `names ${scope.entity.name} ${text}, ${reason}` })
  }
  return undefined
}

/**
 * What stands at a path such as `data.object.metadata.user_id`, as text. A number in the path is a place in an array.
 *
 * @returns the text; `missing` where the path ends early or at null, `wrong` where no text, number or boolean stands
 */
function textAt(payload: unknown, path: string): { readonly text: string } | 'missing' | 'wrong' {
  let value = payload
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return 'missing'
    value = Object.entries(value).find(([key]) => key === part)?.[1]
  }
  if (value === null || value === undefined) return 'missing'
  const isPlain = ['string', 'number', 'bigint', 'boolean'].includes(typeof value) || value instanceof LosslessNumber
  return isPlain ? { text: String(value) } : 'wrong'
}
