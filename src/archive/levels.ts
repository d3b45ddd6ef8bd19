/**
 * The statements that go from rows to rows over foreign keys: down to what goes along, up to what something belongs
 * to, and to the rows that stay and refer to what would go. Each is one round trip and answers with sets of rows.
 */
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import type { Key } from './catalog.ts'
import type { Table } from './catalog-tables.ts'
import {
  notIn,
  type Rows,
  type RowsAnswer,
  referencedColumns,
  referringColumns,
  refersSql,
  relation,
  rowsSql,
} from './rows.ts'

/** Over which key, and from which rows of the table that it refers to. */
export interface From {
  readonly key: Key
  readonly parents: Rows
  /** The table that the key refers to. */
  readonly parent: Table
}

export interface DownAnswer extends RowsAnswer {
  /** `row`: it goes along. `stuck`: rows of the parent's table, of which something could not be locked. */
  readonly kind: 'row' | 'stuck'
  /** Place of the key among those that were asked for; null for rows. */
  readonly key: number | null
}

/** `<parent column> = <child column>` for a set of parents under the alias `p` and a referring table under `c`. */
function refers(key: Key): Sql {
  return refersSql(
    key,
    (_, index) => identifier('p', `k${index}`),
    ({ column }) => identifier('c', column),
  )
}

function parentsSql({ key, parents, parent }: From): Sql {
  return rowsSql(parent, parents, referencedColumns(key), key.parentRelation.oid)
}

/**
 * Finds the rows of a table that refer to rows of others, and locks them.
 *
 * Found and locked are two things: what another transaction has locked is found and passed over, and answers as `stuck`
 * with the rows that it refers to. The snapshot of the statement is younger than the locks on those, so that no row can
 * join later: a foreign key's check needs a lock on the row that it leads to (FOR KEY SHARE), which ours excludes.
 *
 * @param known rows that were found before
 * @param lock false only looks
 */
export function downSql(table: Table, from: readonly From[], known: Rows | undefined, lock: boolean): Sql {
  const found = from.map(
    (one, index) => sql`
    SELECT c.tableoid AS t, c.ctid AS c, p.t AS pt, p.c AS pc, ${raw(String(index))} AS k
    FROM ${relation(one.key.childRelation)} AS c
    JOIN (
      ${parentsSql(one)}
    ) AS p ON ${refers(one.key)}
    WHERE TRUE
      ${notIn(known, 'c')}`,
  )
  const place = raw('k.t, k.c')
  const distinct =
    from.length > 1 ? sql`SELECT DISTINCT ${place} FROM found AS k` : sql`SELECT ${place} FROM found AS k`
  if (!lock) {
    return sql`
  WITH found AS (${join(found, '\n    UNION ALL')}
  )
  SELECT 'row' AS kind, NULL::integer AS key, g.t AS leaf, COUNT(*)::integer AS rows, array_agg(g.c)::text AS tids
  FROM (${distinct}) AS g
  GROUP BY g.t`
  }
  return sql`
  WITH found AS MATERIALIZED (${join(found, '\n    UNION ALL')}
  ),
  ${lockedSql(table, 'FOR UPDATE SKIP LOCKED')}
  SELECT 'row' AS kind, NULL::integer AS key, g.t AS leaf, COUNT(*)::integer AS rows, array_agg(g.c)::text AS tids
  FROM locked AS g
  GROUP BY g.t
  UNION ALL
  SELECT 'stuck', f.k, f.pt, COUNT(DISTINCT f.pc)::integer, array_agg(DISTINCT f.pc)::text
  FROM found AS f
  LEFT JOIN locked AS g ON g.t = f.t AND g.c = f.c
  WHERE g.c IS NULL
    -- Mostly all that was found was locked, and nobody needs to look for what was not.
    AND (SELECT COUNT(*) FROM found) > (SELECT COUNT(*) FROM locked)
  GROUP BY f.k, f.pt`
}

/** The CTE `locked`: rows of `found`, each leaf by its tids, so that locking costs what the rows cost. */
function lockedSql({ leaves }: Table, lock: string): Sql {
  const parts = leaves.map(
    (leaf) => sql`
    SELECT x.tableoid AS t, x.ctid AS c
    FROM ${relation(leaf)} AS x
    WHERE x.ctid = ANY (ARRAY(SELECT f.c FROM found AS f WHERE f.t = ${leaf.oid}::oid))
    ${raw(lock)}`,
  )
  // One needs not be gathered again.
  if (parts.length === 1)
    return sql`locked AS MATERIALIZED (${join(parts)}
  )`
  // FOR UPDATE is not allowed beside UNION (manual, SELECT).
  const each = parts.map(
    (part, index) => sql`locked_${raw(String(index))} AS MATERIALIZED (${part}
  )`,
  )
  const all = parts.map((_, index) => raw(`SELECT t, c FROM locked_${index}`))
  return sql`${join(each, ',\n  ')},
  locked AS (
    ${join(all, '\n    UNION ALL ')}
  )`
}

/**
 * Finds the rows that some rows refer to over one key.
 *
 * @param child table of `rows`
 * @param among only rows of this set; any row of the table when absent
 */
export function upSql(key: Key, child: Table, rows: Rows, parent: Table, among: Rows | undefined): Sql {
  const children = sql`(
    ${rowsSql(child, rows, referringColumns(key), key.childRelation.oid)}
  ) AS c`
  const own = (_: unknown, index: number) => identifier('c', `k${index}`)
  if (among === undefined) {
    return sql`
  SELECT p.tableoid AS leaf, COUNT(DISTINCT p.ctid)::integer AS rows, array_agg(DISTINCT p.ctid)::text AS tids
  FROM ${children}
  JOIN ${relation(key.parentRelation)} AS p ON ${refersSql(key, ({ referenced }) => identifier('p', referenced), own)}
  GROUP BY p.tableoid`
  }
  return sql`
  SELECT p.t AS leaf, COUNT(DISTINCT p.c)::integer AS rows, array_agg(DISTINCT p.c)::text AS tids
  FROM ${children}
  JOIN (
    ${rowsSql(parent, among, referencedColumns(key), key.parentRelation.oid)}
  ) AS p ON ${refersSql(key, (_, index) => identifier('p', `k${index}`), own)}
  GROUP BY p.t`
}

export interface HoldAnswer extends RowsAnswer {
  /** `held`: rows that would go, and that others refer to. `by`: those others. */
  readonly kind: 'held' | 'by'
  readonly key: number
}

/** A key whose referring rows may keep what they refer to. */
export interface Holding extends From {
  /** Rows of the referring table that go themselves. */
  readonly going: Rows | undefined
  /** Asks for the referring rows too: they may belong to roots that are due. */
  readonly names: boolean
}

/** Finds what would go although a row that stays refers to it. */
export function holdsSql(holdings: readonly Holding[]): Sql {
  const named = holdings.flatMap((one, index) => (one.names ? [{ one, index }] : []))
  const parts = holdings.flatMap((one, index) =>
    one.names
      ? []
      : [
          sql`
  SELECT 'held' AS kind, ${raw(String(index))} AS key, p.t AS leaf, COUNT(*)::integer AS rows,
         array_agg(p.c)::text AS tids
  FROM (
      ${parentsSql(one)}
  ) AS p
  WHERE EXISTS (
    SELECT
    FROM ${relation(one.key.childRelation)} AS c
    WHERE ${refers(one.key)}
      ${notIn(one.going, 'c')}
  )
  GROUP BY p.t`,
        ],
  )
  if (named.length === 0) return join(parts, '\n  UNION ALL')
  const referring = named.map(
    ({ one, index }) => sql`
    SELECT ${raw(String(index))} AS k, p.t AS pt, p.c AS pc, c.tableoid AS t, c.ctid AS c
    FROM (
      ${parentsSql(one)}
    ) AS p
    JOIN ${relation(one.key.childRelation)} AS c ON ${refers(one.key)}
    WHERE TRUE
      ${notIn(one.going, 'c')}`,
  )
  return sql`
  WITH referring AS MATERIALIZED (${join(referring, '\n    UNION ALL')}
  )
  SELECT 'held' AS kind, k AS key, pt AS leaf, COUNT(DISTINCT pc)::integer AS rows, array_agg(DISTINCT pc)::text AS tids
  FROM referring
  GROUP BY k, pt
  UNION ALL
  SELECT 'by', k, t, COUNT(DISTINCT c)::integer, array_agg(DISTINCT c)::text
  FROM referring
  GROUP BY k, t${parts.length === 0 ? raw('') : sql`\n  UNION ALL${join(parts, '\n  UNION ALL')}`}`
}

export interface DetachAnswer extends RowsAnswer {
  /** `row`: rows that stay and lose the reference. `stuck`: rows that they refer to, where one is locked. */
  readonly kind: 'row' | 'stuck'
}

/** Finds, and locks, the rows that stay and refer to what goes over a key that is let go of. */
export function detachSql({ key, parents, parent, going }: Holding, child: Table, lock: boolean): Sql {
  return sql`
  WITH found AS MATERIALIZED (
    SELECT c.tableoid AS t, c.ctid AS c, p.t AS pt, p.c AS pc
    FROM ${relation(key.childRelation)} AS c
    JOIN (
      ${parentsSql({ key, parents, parent })}
    ) AS p ON ${refers(key)}
    WHERE TRUE
      ${notIn(going, 'c')}
  ),
  ${lockedSql(child, lock ? 'FOR NO KEY UPDATE SKIP LOCKED' : '')}
  SELECT 'row' AS kind, t AS leaf, COUNT(*)::integer AS rows, array_agg(c)::text AS tids
  FROM locked
  GROUP BY t
  UNION ALL
  SELECT 'stuck', f.pt, COUNT(DISTINCT f.pc)::integer, array_agg(DISTINCT f.pc)::text
  FROM found AS f
  LEFT JOIN locked AS g ON g.t = f.t AND g.c = f.c
  WHERE g.c IS NULL
    AND (SELECT COUNT(*) FROM found) > (SELECT COUNT(*) FROM locked)
  GROUP BY f.pt`
}
