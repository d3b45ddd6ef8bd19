/**
 * Monthly range partitions (decision 34; PostgreSQL manual, 5.12): which there are, and making those that are missing.
 * A month is a calendar month in UTC; its partition is named `<table>_y2026m11`, and `<table>_default` takes rows of
 * months that nobody made yet, so that no row is ever refused.
 */
import { OperationError } from '../errors.ts'
import { identifier, join, quoteIdentifier, quoteLiteral, raw, sql } from '../model/sql.ts'
import type { Queryable, Transaction } from './database.ts'
import { BOUND } from './partition-catalog.ts'

/** A table of which each month is a partition. */
export interface MonthlyTable {
  readonly schema: string
  readonly table: string
  /** The timestamp that the partitions are about. */
  readonly field: string
}

/** A calendar month in UTC. */
export interface Month {
  readonly year: number
  /** From 1 to 12. */
  readonly month: number
}

/** The month that an instant lies in. */
export function monthOf(instant: Date): Month {
  return { year: instant.getUTCFullYear(), month: instant.getUTCMonth() + 1 }
}

/** The month this many months later. */
export function monthAfter({ year, month }: Month, months = 1): Month {
  const index = year * 12 + (month - 1) + months
  return { year: Math.floor(index / 12), month: (index % 12) + 1 }
}

/** Every month from the first to the last, both included. */
export function monthsBetween(first: Month, last: Month): Month[] {
  const count = (last.year - first.year) * 12 + last.month - first.month + 1
  return Array.from({ length: Math.max(0, count) }, (_, index) => monthAfter(first, index))
}

/** `execution_logs_y2026m11`. */
export function partitionName(table: string, { year, month }: Month): string {
  return `${table}_y${year}m${String(month).padStart(2, '0')}`
}

/** Names of the partitions that a table has, the default one among them. */
export async function partitionsOf(db: Queryable, { schema, table }: MonthlyTable): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(sql`
    SELECT child.relname::text AS name
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS child ON child.oid = i.inhrelid
    JOIN pg_catalog.pg_class AS parent ON parent.oid = i.inhparent
    JOIN pg_catalog.pg_namespace AS n ON n.oid = parent.relnamespace
    WHERE n.nspname = ${schema}
      AND parent.relname = ${table}
    ORDER BY name`)
  return rows.map(({ name }) => name)
}

export interface RelationName {
  readonly schema: string
  readonly name: string
}

/** The partition that takes what belongs into no other, whatever it is called; undefined where there is none. */
export function defaultPartitionOf(
  db: Queryable,
  { schema, table }: MonthlyTable,
): Promise<RelationName | undefined> {
  return db.maybeOne<RelationName>(sql`
    SELECT n.nspname::text AS schema, rest.relname::text AS name
    FROM pg_catalog.pg_partitioned_table AS p
    JOIN pg_catalog.pg_class AS parent ON parent.oid = p.partrelid
    JOIN pg_catalog.pg_namespace AS home ON home.oid = parent.relnamespace
    JOIN pg_catalog.pg_class AS rest ON rest.oid = p.partdefid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = rest.relnamespace
    WHERE home.nspname = ${schema}
      AND parent.relname = ${table}`)
}

/** The partition that holds a month, or a part of it. */
export interface Holder {
  readonly partition: string
  /** It holds a part of the month only, so that the month can have no partition of its own. */
  readonly overlaps: boolean
}

/**
 * The partition that holds the month, by its bounds and not by its name: somebody may have made longer ones by hand.
 * Undefined where rows of the month would go into the default partition.
 */
export function holderOf(db: Queryable, { schema, table }: MonthlyTable, month: Month): Promise<Holder | undefined> {
  const [from, until] = [firstInstant(month), firstInstant(monthAfter(month))]
  return db.maybeOne<Holder>(sql`
    WITH bound AS (
      SELECT
        child.relname::text AS partition,
        regexp_match(
          pg_get_expr(child.relpartbound, child.oid),
          ${BOUND}
        ) AS ends
      FROM pg_catalog.pg_inherits AS i
      JOIN pg_catalog.pg_class AS child ON child.oid = i.inhrelid
      WHERE i.inhparent = format('%I.%I', ${schema}::text, ${table}::text)::regclass
    ),
    range AS (
      SELECT
        partition,
        CASE ends[1] WHEN 'MINVALUE' THEN '-infinity' ELSE ends[1] END::timestamptz AS since,
        CASE ends[2] WHEN 'MAXVALUE' THEN 'infinity' ELSE ends[2] END::timestamptz AS until
      FROM bound
      -- The default partition has no ends.
      WHERE ends IS NOT NULL
    )
    SELECT partition, since > ${from}::timestamptz OR until < ${until}::timestamptz AS overlaps
    FROM range
    WHERE since < ${until}::timestamptz
      AND until > ${from}::timestamptz
    ORDER BY since
    LIMIT 1`)
}

/** First key of the advisory lock on making and dropping partitions of a table. */
const LOCK_CLASS = 0x53_74_77_70

/** Until the end of the transaction, no other run of Steward makes or drops partitions of the table. */
export async function lockPartitions(tx: Transaction, { schema, table }: MonthlyTable): Promise<void> {
  const name = `${schema}.${table}`
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LOCK_CLASS}::integer, hashtext(${name}))`)
}

/**
 * Makes the partition of one month, unless some partition holds it, or a part of it, already. Of runs that meet, one
 * makes it and the others find it made. Whoever writes into the table waits until the transaction ends: it should do
 * nothing else.
 *
 * @returns how many rows moved into it; undefined when there was nothing to make
 */
export async function ensureMonth(tx: Transaction, monthly: MonthlyTable, month: Month): Promise<number | undefined> {
  await lockPartitions(tx, monthly)
  if ((await holderOf(tx, monthly, month)) !== undefined) return undefined
  // A writer who has found his way to the default partition, and waits there for us, would be refused once the month is
  // attached. So writers wait before they look for their way, at the table; readers do not.
  await tx.execute(sql`LOCK TABLE ONLY ${identifier(monthly.schema, monthly.table)} IN SHARE ROW EXCLUSIVE MODE`)
  return createMonth(tx, monthly, month)
}

/**
 * Makes the partition of one month. Rows of that month that already lie in the default partition move into it, since a
 * partition cannot be attached while the default one holds rows of its range.
 *
 * The table is built beside the others and attached at the end, so that readers wait for the attaching alone.
 * It belongs to whoever the partitioned table belongs to, whoever makes it.
 *
 * @returns how many rows moved
 * @throws OperationError (exit 6) when something else has its name, such as a partition that was detached
 */
async function createMonth(tx: Transaction, monthly: MonthlyTable, month: Month): Promise<number> {
  const { schema, table, field } = monthly
  const parent = identifier(schema, table)
  const name = partitionName(table, month)
  const partition = identifier(schema, name)
  await refuseTaken(tx, schema, name, table)
  // Bounds are part of DDL, which takes no parameters.
  const from = raw(quoteLiteral(firstInstant(month)))
  const until = raw(quoteLiteral(firstInstant(monthAfter(month))))
  // Not INCLUDING ALL: indexes and foreign keys come with the attaching, and an identity column must not come at all.
  await tx.execute(sql`
    CREATE TABLE ${partition} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING CONSTRAINTS)`)
  const { owner } = await tx.one<{ owner: string | null }>(sql`
    SELECT NULLIF(pg_get_userbyid(relowner), current_user)::text AS owner
    FROM pg_catalog.pg_class
    WHERE oid = ${qualified(schema, table)}::regclass`)
  if (owner !== null) await tx.execute(sql`ALTER TABLE ${partition} OWNER TO ${identifier(owner)}`)
  const rest = await defaultPartitionOf(tx, monthly)
  const moved = rest === undefined ? 0 : await moveRows(tx, rest)
  await tx.execute(sql`
    ALTER TABLE ${parent} ATTACH PARTITION ${partition} FOR VALUES FROM (${from}) TO (${until})`)
  return moved

  async function moveRows(on: Transaction, { schema: beside, name }: RelationName): Promise<number> {
    const rest = identifier(beside, name)
    // Held to the end, so that no row of this month can come into the default partition behind the move.
    await on.execute(sql`LOCK TABLE ${rest} IN ACCESS EXCLUSIVE MODE`)
    const columns = await on.rows<{ name: string }>(sql`
      SELECT attname::text AS name
      FROM pg_catalog.pg_attribute
      WHERE attrelid = ${qualified(schema, table)}::regclass
        AND attnum > 0
        AND NOT attisdropped
        AND attgenerated = ''
      ORDER BY attnum`)
    const list = join(columns.map(({ name }) => identifier(name)))
    return on.execute(sql`
      WITH moved AS (
        DELETE FROM ${rest}
        WHERE ${identifier(field)} >= ${from}::timestamptz
          AND ${identifier(field)} < ${until}::timestamptz
        RETURNING ${list}
      )
      INSERT INTO ${partition} (${list})
      SELECT ${list}
      FROM moved`)
  }
}

const qualified = (schema: string, name: string) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`

async function refuseTaken(tx: Transaction, schema: string, name: string, table: string): Promise<void> {
  const { taken } = await tx.one<{ taken: boolean }>(
    sql`SELECT to_regclass(${qualified(schema, name)}) IS NOT NULL AS taken`,
  )
  if (!taken) return
  throw new OperationError({
    code: 'partition-name-taken',
    message: `${schema}.${name} is there already, and no partition of ${schema}.${table}: attach, rename or drop it`,
  })
}

/**
 * Makes the partitions of the months that are missing, the one of `until` not included when it is the first instant of
 * a month.
 *
 * @returns names of the partitions that were made
 */
export async function ensureMonths(
  tx: Transaction,
  monthly: MonthlyTable,
  from: Date,
  until: Date,
): Promise<string[]> {
  const made: string[] = []
  for (const month of monthsBetween(monthOf(from), monthOf(new Date(until.getTime() - 1)))) {
    if ((await ensureMonth(tx, monthly, month)) !== undefined) made.push(partitionName(monthly.table, month))
  }
  return made
}

/** `2026-11-01 00:00:00+00`. */
export function firstInstant({ year, month }: Month): string {
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01 00:00:00+00`
}
