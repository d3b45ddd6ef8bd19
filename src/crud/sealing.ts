/** Sealing the secrets among the values of rows, once it is known which rows they are for. */
import type { Queryable } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { quoteIdentifier, raw, type Sql, sql } from '../model/sql.ts'
import type { Values } from './input.ts'
import { fieldOf, type Scope } from './scope.ts'
import { type Place, Unsealed } from './seal.ts'
import { isTooLong } from './typed.ts'

/**
 * New rows with their secrets sealed. A row whose secret is encrypted gets its key from the database first: the
 * ciphertext is bound to it.
 */
export async function sealedNew(db: Queryable, scope: Scope, rows: readonly Values[]): Promise<readonly Values[]> {
  if (!rows.some((values) => unsealed(values).length > 0)) return rows
  const { primaryKey } = scope.entity
  const sealed: Values[] = []
  for (const values of rows) {
    const bound = unsealed(values).some((key) => fieldOf(scope.entity, key).sealed?.by === 'aes-256-gcm')
    const id = values[primaryKey] ?? (bound ? await newKey(db, scope) : '')
    const identified = bound ? { ...values, [primaryKey]: id } : values
    sealed.push(await sealedFor(scope, String(id), identified))
  }
  return sealed
}

/**
 * Values for rows that are there, with the secrets among them sealed.
 *
 * @param rows the rows that are to have the values
 * @throws RefusedError (exit 5) when a secret is meant for several rows: each would need a secret of its own
 */
export async function sealedExisting(scope: Scope, rows: readonly Cells[], values: Values): Promise<Values> {
  const [key] = unsealed(values)
  const [row] = rows
  if (key === undefined || row === undefined) return values
  if (rows.length > 1) {
    throw new RefusedError({
      code: 'one-secret-one-row',
      message: `${key} is sealed for one ${scope.entity.name}, and ${rows.length} are named`,
      hint: 'Name one row, and give each its own',
    })
  }
  return sealedFor(scope, String(row[scope.entity.primaryKey]), values)
}

async function sealedFor(scope: Scope, row: string, values: Values): Promise<Values> {
  const stored: Record<string, unknown> = { ...values }
  for (const [key, value] of Object.entries(values)) {
    if (!(value instanceof Unsealed)) continue
    const text = await value.sealedFor(placeOf(scope, key, row))
    if (isTooLong(fieldOf(scope.entity, key), text)) {
      throw new RefusedError({
        code: 'too-long',
        message: `${key} has no room for it: sealed, it takes ${text.length} characters`,
        hint: 'Give a shorter one, or let a migration widen the column',
      })
    }
    stored[key] = text
  }
  return stored
}

/** The place of one value. */
export function placeOf({ system, entity }: Scope, column: string, row: string): Place {
  return { system: system.name, table: entity.table, column, row }
}

function unsealed(values: Values): string[] {
  return Object.keys(values).filter((key) => values[key] instanceof Unsealed)
}

/** The key that the database would give a new row: its default, or the next number of its identity. */
async function newKey(db: Queryable, scope: Scope): Promise<unknown> {
  const { entity, schema } = scope
  const field = fieldOf(entity, entity.primaryKey)
  const quoted = quoteIdentifier(schema)
  const made: Sql | undefined = field.identity
    ? sql`nextval(pg_get_serial_sequence(${`${quoted}.${quoteIdentifier(entity.table)}`}, ${entity.primaryKey}))`
    : field.default === undefined
      ? undefined
      : raw(field.default.replaceAll('{schema}', quoted))
  if (made === undefined) throw new RangeError(`nothing makes the key of a new ${entity.name}`)
  const { id } = await db.one<{ id: unknown }>(sql`SELECT ${made} AS id`)
  return field.kind === 'integer' ? Number(id) : id
}
