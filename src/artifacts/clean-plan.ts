/** What cleaning would do, worked out without touching a file. */
import type { Database, Queryable } from '../db/database.ts'
import { ageSql, dueSql, type RuleScope } from '../model/due.ts'
import type { Kept } from '../model/job.ts'
import { allOf, identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { countKept } from './clean-rows.ts'
import { refusalOf } from './files.ts'
import { countUnindexed, filedEntities, type Holders, holdersIn, type PlacedSystem } from './holders.ts'
import { countAlong, endOf } from './references.ts'
import { filedEntityOf, type RowTarget, rowTarget, tableOf, unkeptSql } from './row-target.ts'
import type { StoreSet } from './scope.ts'
import { canonicalUri, isPlain } from './uri.ts'

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
  const due = dueRowsSql(target, scope)
  const [holders, kept, marks, { rows, oldest }] = await Promise.all([
    holdersIn(db, systems),
    countKept(db, target, scope),
    countMarks(db, target),
    db.one<{ rows: bigint; oldest: string | null }>(
      sql`SELECT COUNT(*) AS rows, MIN(age) AS oldest FROM (${due}) AS due`,
    ),
  ])
  const along: { table: string; rows: bigint }[] = []
  for (const path of rows === 0n ? [] : target.references.cascades) {
    const from = sql`(SELECT a.* FROM ${tableOf(target)} AS a WHERE ${goesSql(target, scope)}) AS due`
    const { count } = await db.one<{ count: bigint }>(countAlong(path, from))
    if (count > 0n) along.push({ table: endOf(path), rows: count })
  }
  const groups = sql`
    SELECT uri, COUNT(*) AS rows, MAX(bytes) AS bytes
    FROM (${due}) AS due
    GROUP BY uri`
  const table = `${placed.schema}.${entity.table}`
  const tally = rows === 0n ? NONE : await weigh(db, stores, holders, groups, table)
  return { rows, oldest, kept, along, ...marks, ...tally, suggestions: holders.suggestions }
}

/** Files whose rows are gone, of every entity of the system. */
export async function planTombstones({ db, stores, systems }: Planning, placed: PlacedSystem): Promise<CleanPlan> {
  const { name } = placed.system
  const entities = filedEntities(placed).map((entity) => entity.name)
  const gone = sql`
    FROM steward.artifact_tombstones AS t
    WHERE t.system = ${name}
      AND t.schema_name = ${placed.schema}
      AND t.entity = ANY (${entities}::text[])
      AND NOT t.row_stays`
  const [holders, { rows, failed, oldest }] = await Promise.all([
    holdersIn(db, systems),
    db.one<{ rows: bigint; failed: bigint; oldest: string | null }>(sql`
      SELECT COUNT(*) AS rows, COUNT(*) FILTER (WHERE attempts > 0) AS failed, MIN(recorded_at) AS oldest
      ${gone}`),
  ])
  const groups = sql`SELECT uri, COUNT(*) AS rows, MAX(bytes) AS bytes ${gone} GROUP BY uri`
  const tally = rows === 0n ? NONE : await weigh(db, stores, holders, groups, undefined)
  return {
    rows,
    oldest,
    kept: [],
    along: [],
    marked: rows,
    failedBefore: failed,
    ...tally,
    suggestions: holders.suggestions,
  }
}

const NONE = { files: 0n, bytes: 0n, shared: 0n, refused: [] } as const

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
 * Which files of the groups go.
 *
 * @param groups SELECT of `uri`, `rows`, `bytes`: one row a URI
 * @param own table whose rows are the groups'; undefined where they are gone
 */
async function weigh(
  db: Database,
  stores: StoreSet,
  holders: Holders,
  groups: Sql,
  own: string | undefined,
): Promise<Pick<CleanPlan, 'files' | 'bytes' | 'shared' | 'refused'>> {
  const unindexed = await countUnindexed(db, holders)
  const indexed = holders.tables.filter((one) => one.indexed)
  const ownIndexed = indexed.some(({ name }) => name === own)
  const others = indexed.map(({ name, schema, table, uri }) => {
    const same = sql`FROM ${identifier(schema, table)} AS h WHERE ${identifier('h', uri)} = g.uri`
    return name === own ? sql`(SELECT COUNT(*) ${same}) > g.rows` : sql`EXISTS (SELECT ${same})`
  })
  let [files, bytes, shared] = [0n, 0n, 0n]
  const refused = new Map<string, bigint>()
  await db.transaction(
    async (tx) => {
      const rows = tx.stream<{ uri: string; rows: bigint; bytes: bigint | null; shared: boolean }>(
        sql`
        SELECT g.uri, g.rows, g.bytes, ${others.length === 0 ? raw('FALSE') : join(others, ' OR ')} AS shared
        FROM (${groups}) AS g`,
        FETCHED,
      )
      for await (const group of rows) {
        const reason = refusalOf(stores, group.uri)
        if (reason !== undefined) {
          refused.set(reason, (refused.get(reason) ?? 0n) + group.rows)
          continue
        }
        const plain = isPlain(group.uri)
        const canonical = plain ? group.uri : canonicalUri(group.uri)
        // Of its own table, the rows of the group may be among those that no index finds.
        const mine = own !== undefined && (!plain || !ownIndexed) ? Number(group.rows) : 0
        if (group.shared || unindexed.count(canonical) > mine) shared += 1n
        else {
          files += 1n
          bytes += group.bytes ?? 0n
        }
      }
    },
    { readOnly: true, statementTimeoutMs: 0 },
  )
  return { files, bytes, shared, refused: [...refused].map(([reason, count]) => ({ reason, rows: count })) }
}

async function countMarks(db: Queryable, { owner }: RowTarget): Promise<Pick<CleanPlan, 'marked' | 'failedBefore'>> {
  return db.one<{ marked: bigint; failedBefore: bigint }>(sql`
    SELECT COUNT(*) AS marked, COUNT(*) FILTER (WHERE attempts > 0) AS "failedBefore"
    FROM steward.artifact_tombstones
    WHERE system = ${owner.system}
      AND schema_name = ${owner.schema}
      AND entity = ${owner.entity}
      AND row_stays`)
}
