/** Removing edges of a dependency graph, and releasing who waits for nothing any more. */
import { type Actor, recordAudit } from '../db/audit.ts'
import type { Database, Queryable } from '../db/database.ts'
import { NotFoundError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, join, raw, type Sql, sql } from '../model/sql.ts'
import { auditEntry, type Moved } from './audited.ts'
import { type GraphScope, graphOf, holdsSql, lockEdges, nameOfNode, unsatisfiedSql } from './graph.ts'
import { releaseNodes } from './graph-guard.ts'
import { distinct, keyIn, notFound } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectList, visibleFields } from './select.ts'
import { unitOfWork } from './unit-of-work.ts'
import { rethrow } from './violations.ts'

/** An edge with the nodes it joins, as a person knows them. */
export interface KnownEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly kind: string
}

/** Edges by their ids, or those between two nodes: of every kind, or of one. */
export type WhichEdges =
  | { readonly ids: readonly string[] }
  | { readonly from: string; readonly to: string; readonly kind?: string | undefined }

export interface RemovedEdges {
  readonly edges: readonly Cells[]
  /** Nodes that were released. */
  readonly moved: readonly Moved[]
}

/** The edges that are meant. @throws NotFoundError (exit 4) when there are none, or one of the ids has no edge */
export async function findEdges(db: Queryable, edges: Scope, which: WhichEdges): Promise<readonly KnownEdge[]> {
  const scope = graphOf(edges)
  const { graph, nodes } = scope
  const key = edges.entity.primaryKey
  const nodeKey = identifier(nodes.entity.primaryKey)
  const labels = (alias: string) => sql`
      json_build_object(${nodes.entity.primaryKey}::text, ${identifier(alias)}.${nodeKey}::text,
                        ${graph.label}::text, ${identifier(alias)}.${identifier(graph.label)}::text)`
  const found = await db.rows<{ id: unknown; from_node: Cells; to_node: Cells; kind: unknown }>(sql`
    SELECT edge.${identifier(key)} AS id, edge.${identifier(graph.kind)} AS kind,
           ${labels('waiting')} AS from_node, ${labels('blocker')} AS to_node
    FROM ${tableOf(edges)} AS edge
    JOIN ${tableOf(nodes)} AS waiting ON waiting.${nodeKey} = edge.${identifier(graph.from)}
    JOIN ${tableOf(nodes)} AS blocker ON blocker.${nodeKey} = edge.${identifier(graph.to)}
    WHERE ${condition(scope, which)}
    ORDER BY edge.${identifier(key)}`)
  const known = found.map(({ id, from_node: from, to_node: to, kind }) => ({
    id: String(id),
    from: nameOfNode(scope, from),
    to: nameOfNode(scope, to),
    kind: String(kind),
  }))
  if ('ids' in which) {
    const there = new Set(known.map(({ id }) => id))
    const missing = distinct(which.ids).filter((id) => !there.has(id))
    if (missing.length > 0) throw notFound(edges, missing)
  } else if (known.length === 0) {
    throw new NotFoundError({
      code: 'not-found',
      message: `${nodes.entity.name} ${which.from} has no ${which.kind ?? ''}${which.kind ? ' ' : ''}${edges.entity.name} on ${which.to}`,
      hint: `steward ${edges.system.name} ${edges.entity.name} graph ${which.from} shows those it has`,
    })
  }
  return known
}

function condition({ graph, edges, nodes }: GraphScope, which: WhichEdges): Sql {
  if ('ids' in which) {
    const type = castType(edges, fieldOf(edges.entity, edges.entity.primaryKey))
    return sql`edge.${identifier(edges.entity.primaryKey)} = ANY (${which.ids}::${type}[])`
  }
  const type = castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
  const kind =
    which.kind === undefined
      ? raw('TRUE')
      : sql`edge.${identifier(graph.kind)} = ${which.kind}::${castType(edges, fieldOf(edges.entity, graph.kind))}`
  const ends = [
    sql`edge.${identifier(graph.from)} = ${which.from}::${type}`,
    sql`edge.${identifier(graph.to)} = ${which.to}::${type}`,
    kind,
  ]
  return join(ends, ' AND ')
}

/**
 * Removes edges, all or none, and releases the nodes that waited because of them and wait for nothing any more.
 *
 * @throws NotFoundError (exit 4) when one of them has gone meanwhile; nothing is removed then
 */
export function removeEdges(db: Database, edges: Scope, ids: readonly string[], actor: Actor): Promise<RemovedEdges> {
  const scope = graphOf(edges)
  const { graph, nodes } = scope
  const { entity } = edges
  const key = identifier(entity.primaryKey)
  return unitOfWork(db, false, async (transaction) => {
    await lockEdges(transaction, scope)
    const found = await transaction.rows<Cells & { readonly steward_held: boolean }>(sql`
      SELECT ${selectList(Object.keys(entity.fields), 'edge')},
             ${unsatisfiedSql(scope, 'edge')} AND ${holdsSql(scope, 'blocker')} AS steward_held
      FROM ${tableOf(edges)} AS edge
      JOIN ${tableOf(nodes)} AS blocker
        ON blocker.${identifier(nodes.entity.primaryKey)} = edge.${identifier(graph.to)}
      WHERE edge.${key} = ANY (${ids}::${castType(edges, fieldOf(entity, entity.primaryKey))}[])
      ORDER BY edge.${key}
      FOR UPDATE OF edge`)
    const there = new Set(found.map((row) => String(row[entity.primaryKey])))
    const missing = distinct(ids).filter((id) => !there.has(id))
    if (missing.length > 0) throw notFound(edges, missing)
    await transaction
      .execute(sql`DELETE FROM ${tableOf(edges)} WHERE ${keyIn(edges, ids)}`)
      .catch((error: unknown) => rethrow(entity, error))
    const removed = found.map((row) => auditEntry(edges, 'delete', row, null))
    await recordAudit(transaction, actor, removed)
    // A node that was blocked for another reason than these edges stays as it is.
    const freed = found.filter((row) => row.steward_held && graph.blocking.includes(String(row[graph.kind])))
    const moved = await releaseNodes(transaction, scope, distinct(freed.map((row) => String(row[graph.from]))), actor)
    const shown = visibleFields(entity)
    return { edges: found.map((row) => Object.fromEntries(shown.map((name) => [name, row[name]]))), moved }
  })
}
