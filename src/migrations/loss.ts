/**
 * What a migration going down would lose, found by letting it run and comparing the catalog: reading its SQL could
 * not see through functions, CASCADE or `DROP SCHEMA`.
 */
import type { Session } from '../db/database.ts'
import { identifier, join, raw, sql } from '../model/sql.ts'

/** `column` is null where whole rows go. */
export interface Loss {
  readonly schema: string
  readonly table: string
  readonly column: string | null
  /** Rows, or values that are not NULL. */
  readonly rows: bigint
}

interface Table {
  readonly oid: string
  readonly schema: string
  readonly name: string
  /** Changes when the table is rewritten or truncated. */
  readonly file: string
  /** Table that it is a partition of. */
  readonly parent: string | null
  readonly columns: readonly string[]
}

/**
 * Measures inside the session's open transaction, and leaves that as it was.
 *
 * Counted are the rows of tables that are gone, the values of columns that are gone, and rows fewer than before in
 * tables that were truncated or deleted from. Values that change in place (a narrower type) are not.
 *
 * @param down runs the migration in that transaction
 * @param hold keeps the tables locked until the end of the transaction, so that nothing is added after counting
 */
export async function measureLoss(session: Session, down: () => Promise<void>, hold: boolean): Promise<Loss[]> {
  const before = await tables(session)
  // Rolling back to it also releases the locks that the migration took.
  await session.rows(raw('SAVEPOINT steward_rehearsal'))
  await down()
  const after = new Map((await tables(session)).map((table) => [table.oid, table]))
  const deletedFrom = await tablesDeletedFrom(session)
  const kept = before.filter(({ oid }) => after.has(oid))
  const shrinking = kept.filter((table) => deletedFrom.has(table.oid) || after.get(table.oid)?.file !== table.file)
  const rowsAfter = new Map<string, bigint>()
  for (const table of shrinking) {
    const now = after.get(table.oid)
    if (now) rowsAfter.set(table.oid, await countRows(session, now))
  }
  await session.rows(raw('ROLLBACK TO SAVEPOINT steward_rehearsal'))
  await session.rows(raw('RELEASE SAVEPOINT steward_rehearsal'))

  // A partition's rows are counted with the table it belongs to, when that goes too.
  const dropped = before.filter(({ oid, parent }) => !after.has(oid) && (parent === null || after.has(parent)))
  const narrowed = kept.filter((table) => missingColumns(table, after).length > 0)
  if (hold) await lock(session, [...new Set([...dropped, ...shrinking, ...narrowed])])

  const losses: Loss[] = []
  for (const table of dropped) losses.push(loss(table, null, await countRows(session, table)))
  for (const table of shrinking) {
    losses.push(loss(table, null, (await countRows(session, table)) - (rowsAfter.get(table.oid) ?? 0n)))
  }
  for (const table of narrowed) {
    const columns = missingColumns(table, after)
    const counts = await countValues(session, table, columns)
    losses.push(...columns.map((column, index) => loss(table, column, counts[index] ?? 0n)))
  }
  return losses.filter(({ rows }) => rows > 0n)
}

/** `12 rows of skyvern.tasks, 3 values of skyvern.users.totp_code`. */
export function describeLosses(losses: readonly Loss[]): string {
  return losses
    .map(({ schema, table, column, rows }) => {
      const noun = column === null ? 'row' : 'value'
      return `${rows} ${noun}${rows === 1n ? '' : 's'} of ${[schema, table, ...(column === null ? [] : [column])].join('.')}`
    })
    .join(', ')
}

function loss({ schema, name }: Table, column: string | null, rows: bigint): Loss {
  return { schema, table: name, column, rows }
}

function missingColumns(table: Table, after: ReadonlyMap<string, Table>): string[] {
  const left = new Set(after.get(table.oid)?.columns)
  return table.columns.filter((column) => !left.has(column))
}

function tables(session: Session): Promise<Table[]> {
  return session.rows<Table>(sql`
    SELECT
      c.oid::text AS oid,
      n.nspname::text AS schema,
      c.relname::text AS name,
      c.relfilenode::text AS file,
      CASE WHEN c.relispartition THEN i.inhparent::text END AS parent,
      array(
        SELECT a.attname::text
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid
          AND a.attnum > 0
          AND NOT a.attisdropped
        ORDER BY a.attnum
      ) AS columns
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition
    WHERE c.relkind IN ('r', 'p')
      AND n.nspname <> 'information_schema'
      AND n.nspname !~ '^pg_'
    ORDER BY n.nspname, c.relname`)
}

/** Deletions of this transaction only (PostgreSQL manual, 27.2.2). */
async function tablesDeletedFrom(session: Session): Promise<Set<string>> {
  const found = await session.rows<{ oid: string }>(sql`
    SELECT relid::text AS oid
    FROM pg_catalog.pg_stat_xact_user_tables
    WHERE n_tup_del > 0`)
  return new Set(found.map(({ oid }) => oid))
}

async function countRows(session: Session, table: Table): Promise<bigint> {
  const { rows } = await session.one<{ rows: bigint }>(
    sql`SELECT count(*) AS rows FROM ${identifier(table.schema, table.name)}`,
  )
  return rows
}

async function countValues(session: Session, table: Table, columns: readonly string[]): Promise<readonly bigint[]> {
  const counts = join(columns.map((column) => sql`count(${identifier(column)})`))
  const { counted } = await session.one<{ counted: readonly bigint[] }>(
    sql`SELECT ARRAY[${counts}] AS counted FROM ${identifier(table.schema, table.name)}`,
  )
  return counted
}

async function lock(session: Session, held: readonly Table[]): Promise<void> {
  if (held.length === 0) return
  const names = held.map(({ schema, name }) => identifier(schema, name))
  await session.rows(sql`LOCK TABLE ${join(names)} IN ACCESS EXCLUSIVE MODE`)
}
