/**
 * Tables as the catalog has them: columns, key, partitions and what stands in the way of moving their rows. A
 * partitioned table is one table here, its rows lie in its leaves.
 */
import type { Queryable } from '../db/database.ts'
import { sizeUnlessLocked } from '../db/relation-size.ts'
import { type Sql, sql } from '../model/sql.ts'

export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
}

export interface Column {
  readonly name: string
  /** Type of the archive table's column, with its collation where that is not the type's own: a domain's base type. */
  readonly type: string
}

/** Where rows lie: the table itself, or the leaf partitions below it. */
export interface Leaf extends Relation {
  /** OIDs of the partitioned tables that it is part of, and its own. */
  readonly within: readonly number[]
}

/** What a role may do with a table and all its leaves. */
export type Privilege = 'SELECT' | 'UPDATE' | 'DELETE'

export interface Table extends Relation {
  /** As in `pg_class.relkind`: `r` or `p`; anything else cannot be archived. */
  readonly kind: string
  /** In the order of the table, dropped ones left out, generated ones among them. */
  readonly columns: readonly Column[]
  /** Columns of the primary key, else of a unique key without NULLs; empty where there is neither. */
  readonly key: readonly string[]
  readonly leaves: readonly Leaf[]
  /** What stands in the way of moving its rows, each completing `<table> …`; none for most tables. */
  readonly obstacles: readonly string[]
  readonly missing: readonly Privilege[]
  /** Rows that the server's statistics believe there are, and bytes that they had then, indexes not counted. */
  readonly estimatedRows: number
  readonly bytes: bigint
}

/** Reads tables by their OIDs. Call it with an empty search path, so that types are printed with their schema. */
export async function readTables(tx: Queryable, oids: readonly number[]): Promise<Map<number, Table>> {
  const tables = await tx.rows<Table>(sql`
    WITH RECURSIVE base AS (
      -- A domain's type, down to one that is none.
      SELECT d.oid, d.typbasetype AS type, d.typtypmod AS modifier
      FROM pg_catalog.pg_type AS d
      WHERE d.typtype = 'd'
      UNION ALL
      SELECT base.oid, d.typbasetype, d.typtypmod
      FROM base
      JOIN pg_catalog.pg_type AS d ON d.oid = base.type AND d.typtype = 'd'
    )
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
           COALESCE(attributes.columns, '[]') AS columns,
           ${uniqueKey} AS key,
           COALESCE(parts.leaves, '[]') AS leaves,
           array_remove(
             ARRAY[
               CASE
                 WHEN c.relkind = 'v' THEN 'is a view: name the table that it reads'
                 WHEN c.relkind = 'm' THEN 'is a materialized view: name the table that it reads'
                 WHEN c.relkind = 'f' THEN 'is a foreign table: archive it where it is'
                 WHEN c.relispartition THEN 'is a partition: name the table that it is part of'
               END,
               CASE
                 WHEN c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
                 THEN 'has tables that inherit from it, whose rows foreign keys do not see'
               END,
               CASE WHEN c.relpersistence = 't' THEN 'is temporary' END,
               CASE WHEN parts.foreign_leaves THEN 'has partitions that are foreign tables' END,
               CASE WHEN parts.guarded THEN 'hides rows from this role by row security' END,
               CASE WHEN parts.ruled THEN 'has rules on DELETE, which the batches would set off' END
             ],
             NULL
           ) AS obstacles,
           array_remove(
             ARRAY[
               CASE WHEN NOT parts.may_select THEN 'SELECT' END,
               CASE WHEN NOT parts.may_update THEN 'UPDATE' END,
               CASE WHEN NOT parts.may_delete THEN 'DELETE' END
             ],
             NULL
           ) AS missing,
           COALESCE(parts.estimated, 0)::float8 AS "estimatedRows",
           COALESCE(parts.bytes, 0)::bigint AS bytes
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(
               jsonb_build_object(
                 'name', a.attname,
                 'type', format_type(COALESCE(b.type, a.atttypid), COALESCE(b.modifier, a.atttypmod))
                   || CASE
                     WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
                     THEN ' COLLATE ' || quote_ident(con.nspname) || '.' || quote_ident(co.collname)
                     ELSE ''
                   END
               )
               ORDER BY a.attnum
             ) AS columns
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN base AS b
        ON b.oid = a.atttypid
        AND (SELECT x.typtype FROM pg_catalog.pg_type AS x WHERE x.oid = b.type) <> 'd'
      JOIN pg_catalog.pg_type AS t ON t.oid = COALESCE(b.type, a.atttypid)
      LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
      LEFT JOIN pg_catalog.pg_namespace AS con ON con.oid = co.collnamespace
      WHERE a.attrelid = c.oid
        AND a.attnum > 0
        AND NOT a.attisdropped
    ) AS attributes
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(
               jsonb_build_object('oid', l.oid::bigint, 'schema', ln.nspname, 'name', l.relname, 'within', within.oids)
               ORDER BY ln.nspname, l.relname
             ) FILTER (WHERE l.relkind = 'r') AS leaves,
             bool_or(l.relkind = 'f') FILTER (WHERE c.relkind = 'p') AS foreign_leaves,
             bool_or(row_security_active(l.oid)) AS guarded,
             bool_or(EXISTS (SELECT FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = l.oid AND w.ev_type = '4'))
               FILTER (WHERE l.relkind IN ('r', 'p')) AS ruled,
             bool_and(has_table_privilege(l.oid, 'SELECT')) AS may_select,
             -- FOR UPDATE asks for it on one column at least.
             bool_and(has_any_column_privilege(l.oid, 'UPDATE')) AS may_update,
             bool_and(has_table_privilege(l.oid, 'DELETE')) AS may_delete,
             -- A table without statistics is where advice is needed most: then its size tells, at a hundred bytes a row.
             sum(
               CASE
                 WHEN l.reltuples >= 0 THEN l.reltuples
                 ELSE ${sizeUnlessLocked(sql`pg_relation_size(part.relid)`, sql`part.relid`, sql`l.relpages`)} / 100
               END
             ) FILTER (WHERE l.relkind = 'r') AS estimated,
             -- Of the statistics, as the rows are: asking for the size itself would wait for locks.
             sum((l.relpages + COALESCE(toast.relpages, 0)) * current_setting('block_size')::bigint)
               FILTER (WHERE l.relkind = 'r') AS bytes
      FROM (
        SELECT c.oid AS relid
        UNION
        SELECT relid::oid FROM pg_partition_tree(c.oid)
      ) AS part
      JOIN pg_catalog.pg_class AS l ON l.oid = part.relid
      JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.relnamespace
      LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = l.reltoastrelid
      CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_agg(up.relid::oid::bigint), jsonb_build_array(l.oid::bigint)) AS oids
        FROM pg_partition_ancestors(l.oid) AS up
      ) AS within
    ) AS parts
    WHERE c.oid = ANY (${[...oids]}::oid[])`)
  return new Map(tables.map((table) => [table.oid, table]))
}

/** The primary key's columns, else those of the smallest unique key that no NULL can get around. */
const uniqueKey: Sql = sql`COALESCE(
             (
               SELECT ARRAY(
                 SELECT a.attname::text
                 FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS part (number, position)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = part.number
                 WHERE part.position <= i.indnkeyatts
                 ORDER BY part.position
               )
               FROM pg_catalog.pg_index AS i
               WHERE i.indrelid = c.oid
                 AND i.indisunique
                 AND i.indisvalid
                 AND i.indpred IS NULL
                 AND i.indexprs IS NULL
                 AND NOT EXISTS (
                   SELECT
                   FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS part (number, position)
                   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = part.number
                   WHERE part.position <= i.indnkeyatts
                     AND NOT a.attnotnull
                 )
               ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
               LIMIT 1
             ),
             '{}'
           )`
