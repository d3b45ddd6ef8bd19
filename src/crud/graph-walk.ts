/**
 * Reading a part of a dependency graph: its edges, all that can be reached by one recursive query or those of a few steps
 * level by level, then the nodes they join.
 */
import type { Database, Transaction } from '../db/database.ts'
import type { Cells, Column } from '../model/column.ts'
import { columnOf } from '../model/field.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { blocksSql, type GraphScope, graphOf, openSql, unsatisfiedSql } from './graph.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList, visibleFields } from './select.ts'

/** `up`: what a node waits for, and so on. `down`: who waits for it. */
export type Direction = 'up' | 'down' | 'both'

export interface WalkOptions {
  /** Ids of the nodes to begin with; without any, every edge is read. */
  readonly ids: readonly string[]
  readonly direction: Direction
  /** How many edges away from the nodes named; all that can be reached when absent. */
  readonly depth?: number
  /** Edges at most. */
  readonly limit: number
  /** Only edges that still hold up work, between nodes that are open. */
  readonly open?: boolean
  /** The open node that weighs most is read as well, also where nothing is joined to it. */
  readonly heaviest?: boolean
}

export interface Walk {
  /** Rows with the fields of `nodeColumns`; the named ones first, the others by their keys. */
  readonly nodes: readonly Cells[]
  /** Rows with every field that is not secret, nearest first. */
  readonly edges: readonly Cells[]
  /** Ids of nodes at the depth asked for, with edges that lead further up or down. */
  readonly deeper: { readonly up: ReadonlySet<string>; readonly down: ReadonlySet<string> }
  /** There were more edges than the limit. */
  readonly cut: boolean
}

/**
 * Reads the edges around nodes, in one snapshot.
 *
 * @throws NotFoundError (exit 4) naming the ids that have no node
 */
export function walkGraph(db: Database, edgeScope: Scope, options: WalkOptions): Promise<Walk> {
  const scope = graphOf(edgeScope)
  return db.transaction((transaction) => walk(transaction, scope, options), {
    readOnly: true,
    isolation: 'repeatable read',
  })
}

async function walk(transaction: Transaction, scope: GraphScope, options: WalkOptions): Promise<Walk> {
  const { graph, edges, nodes } = scope
  const { depth, limit } = options
  const ids = distinct(options.ids)
  const found = await transaction.rows<Reached>(await reachedSql(transaction, scope, ids, options))
  const near = depth === undefined ? found : found.filter((edge) => nearest(edge) <= depth)
  const kept = near.slice(0, limit)
  const beyond = depth === undefined ? [] : found.filter((edge) => nearest(edge) > depth)
  const key = nodes.entity.primaryKey
  const joined = kept.flatMap((edge) => [String(edge[graph.from]), String(edge[graph.to])])
  const alone = options.heaviest ? await heaviest(transaction, scope) : []
  const wanted = distinct([...ids, ...joined, ...alone])
  const rows = await transaction.rows<Cells>(sql`
    SELECT ${selectList(nodeFields(scope))}
    FROM ${tableOf(nodes)}
    WHERE ${keyIn(nodes, wanted)}
    ORDER BY ${identifier(key)}`)
  const there = new Map(rows.map((row) => [String(row[key]), row]))
  const missing = ids.filter((id) => !there.has(id))
  if (missing.length > 0) throw notFound(nodes, missing)
  const named = ids.map((id) => there.get(id)).filter((row) => row !== undefined)
  const shown = visibleFields(edges.entity)
  return {
    nodes: [...named, ...rows.filter((row) => !ids.includes(String(row[key])))],
    edges: kept.map((edge) => Object.fromEntries(shown.map((field) => [field, edge[field]]))),
    deeper: {
      up: new Set(beyond.filter((edge) => edge.steward_up !== null).map((edge) => String(edge[graph.from]))),
      down: new Set(beyond.filter((edge) => edge.steward_down !== null).map((edge) => String(edge[graph.to]))),
    },
    cut: near.length > limit,
  }
}

/** An edge with how far it lies up and down from the named nodes; null for a way on which it is not met. */
interface Reached extends Cells {
  readonly steward_up: number | null
  readonly steward_down: number | null
}

async function reachedSql(
  transaction: Transaction,
  scope: GraphScope,
  ids: readonly string[],
  options: WalkOptions,
): Promise<Sql> {
  if (ids.length === 0) return everyEdge(scope, options)
  const { depth } = options
  if (depth === undefined) return edgesAround(scope, ids, options)
  return edgesAt(scope, await stepsTo(transaction, scope, ids, { ...options, depth }))
}

function nearest({ steward_up: up, steward_down: down }: Reached): number {
  return Math.min(up ?? Number.POSITIVE_INFINITY, down ?? Number.POSITIVE_INFINITY)
}

async function heaviest(transaction: Transaction, scope: GraphScope): Promise<string[]> {
  const { graph, nodes } = scope
  const key = sql`node.${identifier(nodes.entity.primaryKey)}`
  const order = graph.weight === undefined ? key : sql`node.${identifier(graph.weight)} DESC NULLS LAST, ${key}`
  const rows = await transaction.rows<{ id: unknown }>(sql`
    SELECT ${key} AS id
    FROM ${tableOf(nodes)} AS node
    WHERE ${openSql(scope, 'node')}
    ORDER BY ${order}
    LIMIT 1`)
  return rows.map(({ id }) => String(id))
}

/** What is read of a node: its key, label, state and weight, and whether it is deleted. */
function nodeFields({ graph, nodes }: GraphScope): string[] {
  const { entity } = nodes
  const { primaryKey, handle, lifecycle, softDelete } = entity
  const keys = [primaryKey, handle, graph.label, lifecycle?.field, graph.weight, softDelete?.field]
  return [...new Set(keys.filter((key) => key !== undefined))].filter((key) => !fieldOf(entity, key).secret)
}

/** The same as columns of output. */
export function nodeColumns(edgeScope: Scope): Column[] {
  const scope = graphOf(edgeScope)
  return nodeFields(scope).map((key) => columnOf(key, fieldOf(scope.nodes.entity, key)))
}

function everyEdge(scope: GraphScope, { limit, open = false }: WalkOptions): Sql {
  const { edges } = scope
  return sql`
    SELECT ${selectList(visibleFields(edges.entity), 'edge')}, 1 AS steward_up, NULL::integer AS steward_down
    FROM ${source(scope, open)} AS edge
    ORDER BY edge.${identifier(edges.entity.primaryKey)}
    LIMIT ${limit + 1}::bigint`
}

type Way = Exclude<Direction, 'both'>

function waysOf(direction: Direction): readonly Way[] {
  return direction === 'both' ? ['up', 'down'] : [direction]
}

/** The field of an edge that is near when it is followed this way, and the one that is far. */
function endsOf({ graph }: GraphScope, way: Way): readonly [here: string, there: string] {
  return way === 'up' ? [graph.from, graph.to] : [graph.to, graph.from]
}

/**
 * The edges that can be reached, however far they are. UNION drops what was met before, so that each is followed once
 * and a cycle ends (PostgreSQL manual, 7.8.2.2).
 */
function edgesAround(
  scope: GraphScope,
  ids: readonly string[],
  { direction, limit, open = false }: WalkOptions,
): Sql {
  const { edges, nodes } = scope
  const edgeKey = identifier(edges.entity.primaryKey)
  const type = castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
  const ways = waysOf(direction)
  const walked = ways.map((way) => {
    const [here, there] = endsOf(scope, way)
    return sql`
      ${raw(`walked_${way}`)} (edge, node) AS (
        SELECT edge.${edgeKey}, edge.${identifier(there)}
        FROM ${source(scope, open)} AS edge
        WHERE edge.${identifier(here)} = ANY (${ids}::${type}[])
        UNION
        SELECT edge.${edgeKey}, edge.${identifier(there)}
        FROM ${raw(`walked_${way}`)} AS walked
        JOIN ${source(scope, open)} AS edge ON edge.${identifier(here)} = walked.node
      )`
  })
  const met = ways.map(
    (way) => sql`
        SELECT edge, ${raw(way === 'up' ? '1' : 'NULL::integer')} AS up,
               ${raw(way === 'down' ? '1' : 'NULL::integer')} AS down
        FROM ${raw(`walked_${way}`)}`,
  )
  return sql`
    WITH RECURSIVE ${join(walked, ',')},
      met AS (
        SELECT edge, min(up) AS up, min(down) AS down
        FROM (${join(met, '\n        UNION ALL')}
        ) AS each_way
        GROUP BY edge
      )
    SELECT ${selectList(visibleFields(edges.entity), 'edge')}, met.up AS steward_up, met.down AS steward_down
    FROM met
    JOIN ${tableOf(edges)} AS edge ON edge.${edgeKey} = met.edge
    ORDER BY edge.${edgeKey}
    LIMIT ${limit + 1}::bigint`
}

/** Steps to an edge, by its id. */
type Steps = ReadonlyMap<string, Readonly<Record<Way, number | null>>>

/**
 * How many steps away the edges are, to one step further than asked for: that tells where the graph goes on. Level by
 * level, since a recursive query cannot know at which distance it met a node before: in a dense graph it would follow
 * each edge again at every distance. Here each is read once, and the reading ends when there are more than are wanted.
 */
async function stepsTo(
  transaction: Transaction,
  scope: GraphScope,
  ids: readonly string[],
  { direction, depth, limit, open = false }: WalkOptions & { readonly depth: number },
): Promise<Steps> {
  const { edges, nodes } = scope
  const key = identifier(edges.entity.primaryKey)
  const type = castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
  const steps = new Map<string, Record<Way, number | null>>()
  for (const way of waysOf(direction)) {
    const [here, there] = endsOf(scope, way)
    const met = new Set(ids)
    let level = [...ids]
    let count = 0
    for (let step = 1; step <= depth + 1 && level.length > 0 && count <= limit; step++) {
      const found = await transaction.rows<{ id: unknown; node: unknown }>(sql`
        SELECT edge.${key} AS id, edge.${identifier(there)} AS node
        FROM ${source(scope, open)} AS edge
        WHERE edge.${identifier(here)} = ANY (${level}::${type}[])
        ORDER BY edge.${key}
        LIMIT ${limit + 1}::bigint`)
      for (const { id } of found) {
        steps.set(String(id), { ...(steps.get(String(id)) ?? { up: null, down: null }), [way]: step })
      }
      level = [...new Set(found.map(({ node }) => String(node)))].filter((id) => !met.has(id))
      for (const id of level) met.add(id)
      count += found.length
    }
  }
  return steps
}

/** The edges at these distances, nearest first. */
function edgesAt({ edges }: GraphScope, steps: Steps): Sql {
  const key = identifier(edges.entity.primaryKey)
  const type = castType(edges, fieldOf(edges.entity, edges.entity.primaryKey))
  const of = (way: Way) => [...steps.values()].map((step) => step[way])
  return sql`
    SELECT ${selectList(visibleFields(edges.entity), 'edge')}, met.up AS steward_up, met.down AS steward_down
    FROM unnest(${[...steps.keys()]}::${type}[], ${of('up')}::integer[], ${of('down')}::integer[]) AS met (edge, up, down)
    JOIN ${tableOf(edges)} AS edge ON edge.${key} = met.edge
    ORDER BY least(met.up, met.down), edge.${key}`
}

/** The edges to look at, to be named `edge`. */
function source(scope: GraphScope, open: boolean): Sql {
  const { graph, edges, nodes } = scope
  if (!open) return tableOf(edges)
  const key = identifier(nodes.entity.primaryKey)
  return sql`(
          SELECT edge.*
          FROM ${tableOf(edges)} AS edge
          JOIN ${tableOf(nodes)} AS waiting ON waiting.${key} = edge.${identifier(graph.from)}
          JOIN ${tableOf(nodes)} AS blocker ON blocker.${key} = edge.${identifier(graph.to)}
          WHERE ${blocksSql(scope, 'edge')}
            AND ${unsatisfiedSql(scope, 'edge')}
            AND ${openSql(scope, 'waiting')}
            AND ${openSql(scope, 'blocker')}
        )`
}
