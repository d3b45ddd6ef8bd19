/** What cleaning would do, worked out without touching a file. */
import type { Database, Queryable } from '../db/database.ts'
import { ageSql, dueSql, type RuleScope } from '../model/due.ts'
import type { Kept } from '../model/job.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { refusalOf, withinSql } from './files.ts'
import { countUnindexedIn, filedEntities, type Holders, holdersIn, type PlacedSystem } from './holders.ts'
import { countKept } from './kept.ts'
import { countAlong, endOf } from './references.ts'
import { filedEntityOf, type RowTarget, rowTarget, tableOf, unkeptSql } from './row-target.ts'
import type { StoreSet } from './scope.ts'
import { canonicalUri, isOddSql, isPlain } from './uri.ts'
import type { UriCounts } from './uri-counts.ts'

/** Groups that travel at a time. */
const FETCHED = 10_000

export interface Planning {
  readonly db: Database
  readonly stores: StoreSet
  /** Every system of the database. */
  readonly systems: readonly PlacedSystem[]
}

export interface CleanPlan {
  /** Rows that go, or are gone already. */
  readonly rows: bigint
  /** Files that go. */
  readonly files: bigint
  /** Their recorded sizes. */
  readonly bytes: bigint
  /** Files that stay since other rows stand for them. */
  readonly shared: bigint
  /** Files that no store would touch, by reason. */
  readonly refused: readonly Kept[]
  /** Rows that stay, by reason. */
  readonly kept: readonly Kept[]
  /** Rows that go along over foreign keys, by table. */
  readonly along: readonly { readonly table: string; readonly rows: bigint }[]
  /** The instant that the oldest row counts from. */
  readonly oldest: string | null
  /** Marks of earlier runs that are not ended, with how many of them failed before. */
  readonly marked: bigint
  readonly failedBefore: bigint
  /** Indexes that would help. */
  readonly suggestions: readonly string[]
}

/** @param rules every rule of the system that is on */
export async function planRule(
  { db, stores, systems }: Planning,
  placed: PlacedSystem,
  scope: RuleScope,
  rules: readonly RuleScope[],
): Promise<CleanPlan> {
  const target = await rowTarget(db, placed, filedEntityOf(scope), rules)
  const { entity } = target
  const holders = await holdersIn(db, systems)
  const [kept, marks, along, weighed] = await Promise.all([
    countKept(db, target, scope),
    countMarks(db, target),
    countAllAlong(db, target, scope),
    weigh(db, stores, holders, dueRowsSql(target, scope), `${placed.schema}.${entity.table}`),
  ])
  return { ...weighed, kept, along, ...marks, suggestions: holders.suggestions }
}

async function countAllAlong(db: Queryable, target: RowTarget, scope: RuleScope): Promise<CleanPlan['along']> {
  const along: { table: string; rows: bigint }[] = []
  for (const path of target.references.cascades) {
    const from = sql`(SELECT a.* FROM ${tableOf(target)} AS a WHERE ${goesSql(target, scope)}) AS due`
    const { count } = await db.one<{ count: bigint }>(countAlong(path, from))
    if (count > 0n) along.push({ table: endOf(path), rows: count })
  }
  return along
}

/**
 * Files whose rows are gone, of every entity of the system; and marks of rows that no rule is on for any more.
 *
 * @param rules every rule of the system that is on
 */
export async function planTombstones(
  { db, stores, systems }: Planning,
  placed: PlacedSystem,
  rules: readonly RuleScope[],
): Promise<CleanPlan> {
  const { name } = placed.system
  const entities = filedEntities(placed).map((entity) => entity.name)
  const ruled = rules.map(({ applied: { rule } }) => rule.entity)
  const gone = sql`
    FROM steward.artifact_tombstones AS t
    WHERE t.system = ${name}
      AND t.schema_name = ${placed.schema}
      AND t.entity = ANY (${entities}::text[])
      AND NOT t.row_stays`
  const holders = await holdersIn(db, systems)
  const ownerless = sql`system = ${name} AND schema_name = ${placed.schema} AND NOT entity = ANY (${ruled}::text[])`
  const [{ marked, failed }, weighed] = await Promise.all([
    db.one<{ marked: bigint; failed: bigint }>(sql`
      SELECT COUNT(*) + ${batched(ownerless)} AS marked, COUNT(*) FILTER (WHERE attempts > 0) AS failed
      FROM steward.artifact_tombstones AS t
      WHERE t.system = ${name}
        AND t.schema_name = ${placed.schema}
        AND t.entity = ANY (${entities}::text[])
        AND (NOT t.row_stays OR NOT t.entity = ANY (${ruled}::text[]))`),
    weigh(db, stores, holders, sql`SELECT uri, bytes, recorded_at AS age ${gone}`, undefined),
  ])
  const { suggestions } = holders
  return { ...weighed, kept: [], along: [], marked, failedBefore: failed, suggestions }
}

/** Rows that are due, kept by nothing, whether marked or not. */
function dueRowsSql(target: RowTarget, scope: RuleScope): Sql {
  const { entity } = target
  return sql`
      SELECT ${identifier('a', entity.file.uri)} AS uri, ${identifier('a', entity.file.bytes)} AS bytes,
             ${ageSql(scope.applied.rule, 'a')} AS age
      FROM ${tableOf(target)} AS a
      WHERE ${goesSql(target, scope)}`
}

function goesSql(target: RowTarget, scope: RuleScope): Sql {
  const uri = identifier('a', target.entity.file.uri)
  return allOf([dueSql(scope, 'a'), sql`${uri} IS NOT NULL`, unkeptSql(target, 'a')])
}

/**
 * Which files of rows go.
 *
 * @param due SELECT of `uri`, `bytes`, `age`
 * @param own their table; undefined where they are gone
 */
async function weigh(
  db: Database,
  stores: StoreSet,
  holders: Holders,
  due: Sql,
  own: string | undefined,
): Promise<Pick<CleanPlan, 'rows' | 'oldest' | 'files' | 'bytes' | 'shared' | 'refused'>> {
  const indexed = holders.tables.filter((one) => one.indexed)
  const ownIndexed = indexed.some(({ name }) => name === own)
  const others = indexed.map(({ name, schema, table, uri }) => {
    const same = sql`FROM ${identifier(schema, table)} AS h WHERE ${identifier('h', uri)} = g.uri`
    return name === own ? sql`(SELECT COUNT(*) ${same}) > g.rows` : sql`EXISTS (SELECT ${same})`
  })
  let [files, bytes, shared, all] = [0n, 0n, 0n, 0n]
  let oldest: string | null = null
  const refused = new Map<string, bigint>()
  await db.transaction(
    async (tx) => {
      // Reads whole tables, so only once there is something to weigh.
      const { any } = await tx.one<{ any: boolean }>(sql`SELECT EXISTS (SELECT FROM (${due}) AS due) AS any`)
      if (!any) return
      const unindexed = await countUnindexedIn(tx, holders)
      // Where plain URIs are told from others by their row alone, they need not travel: they are added up by the server.
      // An empty bag says that the rows of tables are all plain; of rows that are gone it says nothing.
      const odd = own === undefined ? isOddSql(sql`g.uri`) : raw('FALSE')
      const apart = unindexed.size > 0 ? raw('TRUE') : sql`${odd} OR NOT ${withinSql(stores, sql`g.uri`)}`
      const rows = tx.stream<Weighed>(
        sql`
        SELECT
          uri, shared, SUM(rows)::bigint AS rows, COUNT(*) AS files, SUM(bytes)::text AS bytes, MIN(oldest) AS oldest
        FROM (
          SELECT CASE WHEN ${apart} THEN g.uri END AS uri, g.rows, g.bytes, g.oldest,
                 ${others.length === 0 ? raw('FALSE') : join(others, ' OR ')} AS shared
          FROM (
            SELECT uri, COUNT(*) AS rows, MAX(bytes) AS bytes, MIN(age) AS oldest
            FROM (${due}) AS due
            GROUP BY uri
          ) AS g
        ) AS weighed
        GROUP BY uri, shared`,
        FETCHED,
      )
      for await (const group of rows) {
        const { uri } = group
        all += group.rows
        if (oldest === null || group.oldest < oldest) oldest = group.oldest
        const reason = uri === null ? undefined : refusalOf(stores, uri)
        if (reason !== undefined) {
          refused.set(reason, (refused.get(reason) ?? 0n) + group.rows)
          continue
        }
        if (group.shared || (uri !== null && standsOddly(unindexed, uri, group.rows))) shared += group.files
        else {
          files += group.files
          bytes += BigInt(group.bytes ?? 0)
        }
      }
    },
    { readOnly: true, statementTimeoutMs: 0 },
  )
  return {
    rows: all,
    oldest,
    files,
    bytes,
    shared,
    refused: [...refused].map(([reason, count]) => ({ reason, rows: count })),
  }

  /** Whether a row that no index finds, and that is none of the group, stands for the file. */
  function standsOddly(unindexed: UriCounts, uri: string, rows: bigint): boolean {
    const plain = isPlain(uri)
    // Of its own table, the rows of the group may be among those that no index finds.
    const mine = own !== undefined && (!plain || !ownIndexed) ? Number(rows) : 0
    return unindexed.count(plain ? uri : canonicalUri(uri)) > mine
  }
}

/** A URI with its rows; null for all plain ones that lie in a store and are alike in `shared`. */
interface Weighed {
  readonly uri: string | null
  readonly shared: boolean
  readonly rows: bigint
  readonly files: bigint
  readonly bytes: string | null
  readonly oldest: string
}

function countMarks(
  db: Queryable,
  { owner: { system, schema, entity } }: RowTarget,
): Promise<Pick<CleanPlan, 'marked' | 'failedBefore'>> {
  return db.one<{ marked: bigint; failedBefore: bigint }>(sql`
    SELECT COUNT(*) + ${batched(sql`system = ${system} AND schema_name = ${schema} AND entity = ${entity}`)} AS marked,
           COUNT(*) FILTER (WHERE attempts > 0) AS "failedBefore"
    FROM steward.artifact_tombstones
    WHERE system = ${system}
      AND schema_name = ${schema}
      AND entity = ${entity}
      AND row_stays`)
}

/** What a run that was killed had in hand. */
function batched(which: Sql): Sql {
  return sql`(SELECT COALESCE(SUM(cardinality(ids)), 0) FROM steward.artifact_batches WHERE ${which})`
}
