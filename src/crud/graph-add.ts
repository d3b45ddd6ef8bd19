/** Adding an edge to a dependency graph: checked under the lock of its writers, so that no cycle is ever closed. */
import type { Actor } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { identifier, sql } from '../model/sql.ts'
import type { Moved } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { writeCandidates } from './create.ts'
import { type GraphScope, graphOf, isFinished, lockEdges, lockNodes, nameOfNode } from './graph.ts'
import { cycleClosedBy, cycleRefused } from './graph-cycle.ts'
import { blockNodes, markSatisfied } from './graph-guard.ts'
import { inputReader, refuseInput } from './input.ts'
import { notFound } from './missing.ts'
import { castType, fieldOf, type Scope, tableOf } from './scope.ts'
import { selectRow } from './select.ts'
import { unitOfWork } from './unit-of-work.ts'

export interface NewEdge {
  /** Ids of the nodes: `from` waits for `to`. */
  readonly from: string
  readonly to: string
  /** Further fields as they were typed, the kind among them. */
  readonly given: Readonly<Record<string, string>>
}

export interface AddedEdge {
  readonly edge: Cells
  /** The waiting node, where it was blocked. */
  readonly moved: readonly Moved[]
}

/**
 * Adds one edge. A waiting node in a state that allows it is blocked while what it waits for is unfinished; an edge to a
 * finished one is satisfied at once.
 *
 * @throws NotFoundError (exit 4) for nodes that do not exist
 * @throws RefusedError (exit 5) for an edge to itself, one that is there already, and one that closes a cycle, which is
 * shown
 */
export function addEdge(
  db: Database,
  edges: Scope,
  { from, to, given }: NewEdge,
  { actor, dryRun = false }: { readonly actor: Actor; readonly dryRun?: boolean },
): Promise<AddedEdge> {
  const scope = graphOf(edges)
  const { graph, nodes } = scope
  return unitOfWork(db, dryRun, async (transaction) => {
    await lockEdges(transaction, scope)
    // What is waited for comes first, as when it finishes: its own row is locked, then those of who wait for it.
    const locked = await lockNodes(transaction, scope, [...new Set([to, from])])
    const missing = [...new Set([from, to])].filter((id) => !locked.has(id))
    if (missing.length > 0) throw notFound(nodes, missing)
    const candidate = await candidateOf(scope, { from, to, given })
    refuseInput(edges.entity, 'add', candidate.problems)
    const kind = String(candidate.values[graph.kind])
    const waiting = locked.get(from) ?? {}
    refuseSelf(scope, { from, to }, waiting)
    await refuseDuplicate(transaction, scope, { from, to, kind }, locked)
    if (graph.blocking.includes(kind)) {
      const cycle = await cycleClosedBy(transaction, scope, from, to)
      if (cycle) throw await cycleRefused(transaction, scope, cycle)
    }
    const [edge] = await writeCandidates(transaction, edges, [candidate], actor)
    refuseInput(edges.entity, 'add', candidate.problems)
    if (!edge) throw new Error('an edge without problems was not stored')
    const after = isFinished(scope, locked.get(to) ?? {})
    if (after) await markSatisfied(transaction, scope, [to], true, actor)
    const moved = graph.blocking.includes(kind) && !after ? await blockNodes(transaction, scope, [from], actor) : []
    const id = String(edge[edges.entity.primaryKey])
    return { edge: (await selectRow(transaction, edges, id)) ?? edge, moved }
  })
}

/** The new row; its kind is the column's default, or the first that blocks, unless it is given. */
async function candidateOf(scope: GraphScope, { from, to, given }: NewEdge): Promise<Candidate> {
  const { graph, edges } = scope
  const { entity } = edges
  const [usual = ''] = graph.blocking
  const kind = /^'([^']*)'::/.exec(fieldOf(entity, graph.kind).default ?? '')?.[1] ?? usual
  const reader = await inputReader(entity, 'create')
  const reading = reader.read({ [graph.kind]: kind, ...given, [graph.from]: from, [graph.to]: to }, 'text')
  return { values: reading.values, problems: [...reading.problems, ...reader.missing(reading)] }
}

function refuseSelf(scope: GraphScope, { from, to }: { readonly from: string; readonly to: string }, node: Cells) {
  if (from !== to) return
  const { entity } = scope.nodes
  throw new RefusedError({
    code: 'waits-for-itself',
    message: `${entity.name} ${nameOfNode(scope, node)} cannot wait for itself`,
    hint: `Name two different ${entity.plural}: the one that waits, then the one it waits for`,
  })
}

async function refuseDuplicate(
  transaction: Transaction,
  scope: GraphScope,
  { from, to, kind }: { readonly from: string; readonly to: string; readonly kind: string },
  named: ReadonlyMap<string, Cells>,
): Promise<void> {
  const { graph, edges, nodes } = scope
  const { entity, system } = edges
  const type = castType(nodes, fieldOf(nodes.entity, nodes.entity.primaryKey))
  const found = await transaction.rows<{ id: unknown; kind: unknown }>(sql`
    SELECT ${identifier(entity.primaryKey)} AS id, ${identifier(graph.kind)} AS kind
    FROM ${tableOf(edges)}
    WHERE ${identifier(graph.from)} = ${from}::${type}
      AND ${identifier(graph.to)} = ${to}::${type}
    ORDER BY 1`)
  // Where the table allows an edge of each kind between two nodes, only the same kind is in the way.
  const isOnePerPair = entity.uniques.some(
    ({ fields }) => fields.length === 2 && fields.includes(graph.from) && fields.includes(graph.to),
  )
  const there = found.find((edge) => String(edge.kind) === kind) ?? (isOnePerPair ? found[0] : undefined)
  if (!there) return
  const nameOf = (id: string) => nameOfNode(scope, named.get(id) ?? { [nodes.entity.primaryKey]: id })
  throw new RefusedError({
    code: 'duplicate-dependency',
    message:
      `${nodes.entity.name} ${nameOf(from)} has a ${entity.name} on ${nameOf(to)} already: ` +
      `${String(there.id)}, of the kind ${String(there.kind)}`,
    hint: `To change its kind: steward ${system.name} ${entity.name} remove ${String(there.id)}, then add it anew`,
  })
}
