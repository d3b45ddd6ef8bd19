/** The critical path of a graph: of all chains of unfinished work, the one that weighs most. Pure. */
import { OperationError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { type GraphScope, graphOf, nameOfNode } from './graph.ts'
import type { Walk } from './graph-walk.ts'
import type { Scope } from './scope.ts'

export interface CriticalPath {
  /** From what can be begun at once to what waits longest. */
  readonly nodes: readonly Cells[]
  /** Weight of each of them, and of all. */
  readonly weights: readonly number[]
  readonly sum: number
  /** Nodes of the path that have no weight, and count as nothing. */
  readonly unweighed: number
}

interface Chain {
  readonly weight: number
  readonly length: number
  /** What the last node of the chain waits for. */
  readonly before: string | undefined
}

/**
 * Of chains of equal weight the one with more nodes is taken, then the one that was found first.
 *
 * @param walk open nodes and the edges that hold them up, as `walkGraph` reads them with `open`
 * @param isOpen which of its nodes have work left: named ones may have ended
 * @throws OperationError (exit 6) when the edges form a cycle, which is shown
 */
export function criticalPath(
  edgeScope: Scope,
  { nodes, edges }: Walk,
  isOpen: (node: Cells) => boolean,
): CriticalPath {
  const scope = graphOf(edgeScope)
  const { graph } = scope
  const key = scope.nodes.entity.primaryKey
  const byId = new Map(nodes.filter(isOpen).map((node) => [String(node[key]), node]))
  const waitsFor = new Map<string, string[]>([...byId.keys()].map((id) => [id, []]))
  const holdsUp = new Map<string, string[]>([...byId.keys()].map((id) => [id, []]))
  for (const edge of edges) {
    const [from, to] = [String(edge[graph.from]), String(edge[graph.to])]
    waitsFor.get(from)?.push(to)
    holdsUp.get(to)?.push(from)
  }
  const chains = new Map<string, Chain>()
  const left = new Map([...waitsFor].map(([id, blockers]) => [id, blockers.length]))
  // What waits for nothing first, then whatever all of whose blockers are done (Kahn's order). Grows while it is walked.
  const ready = [...left].filter(([, count]) => count === 0).map(([id]) => id)
  for (const id of ready) {
    chains.set(id, longest(weightOf(scope, byId.get(id)), waitsFor.get(id) ?? [], chains))
    for (const next of holdsUp.get(id) ?? []) {
      const count = (left.get(next) ?? 0) - 1
      left.set(next, count)
      if (count === 0) ready.push(next)
    }
  }
  if (chains.size < byId.size) throw cyclic(scope, byId, waitsFor, chains)
  return pathOf(scope, byId, chains)
}

function longest(weight: number, blockers: readonly string[], chains: ReadonlyMap<string, Chain>): Chain {
  let best: Chain | undefined
  let before: string | undefined
  for (const blocker of blockers) {
    const chain = chains.get(blocker)
    if (!chain || (best && !isLonger(chain, best))) continue
    best = chain
    before = blocker
  }
  return { weight: weight + (best?.weight ?? 0), length: 1 + (best?.length ?? 0), before }
}

function isLonger(one: Chain, other: Chain): boolean {
  return one.weight > other.weight || (one.weight === other.weight && one.length > other.length)
}

function pathOf(
  scope: GraphScope,
  byId: ReadonlyMap<string, Cells>,
  chains: ReadonlyMap<string, Chain>,
): CriticalPath {
  let end: [string, Chain] | undefined
  for (const entry of chains) if (!end || isLonger(entry[1], end[1])) end = entry
  const ids: string[] = []
  for (let id = end?.[0]; id !== undefined; id = chains.get(id)?.before) ids.push(id)
  const nodes = ids
    .reverse()
    .map((id) => byId.get(id))
    .filter((node) => node !== undefined)
  const { weight } = scope.graph
  return {
    nodes,
    weights: nodes.map((node) => weightOf(scope, node)),
    sum: end?.[1].weight ?? 0,
    unweighed: weight === undefined ? 0 : nodes.filter((node) => (node[weight] ?? null) === null).length,
  }
}

function weightOf({ graph }: GraphScope, node: Cells | undefined): number {
  if (graph.weight === undefined) return 1
  const weight = Number(node?.[graph.weight] ?? 0)
  return Number.isFinite(weight) && weight > 0 ? weight : 0
}

/** Every node that is left waits for another one that is left, so that following them comes round. */
function cyclic(
  scope: GraphScope,
  byId: ReadonlyMap<string, Cells>,
  waitsFor: ReadonlyMap<string, readonly string[]>,
  chains: ReadonlyMap<string, Chain>,
): OperationError {
  const way: string[] = []
  const met = new Set<string>()
  let id = [...byId.keys()].find((one) => !chains.has(one))
  while (id !== undefined && !met.has(id)) {
    met.add(id)
    way.push(id)
    id = waitsFor.get(id)?.find((one) => !chains.has(one))
  }
  const cycle = [...way.slice(id === undefined ? 0 : way.indexOf(id)), ...(id === undefined ? [] : [id])]
  const names = cycle.map((one) => nameOfNode(scope, byId.get(one) ?? { [scope.nodes.entity.primaryKey]: one }))
  const { system, entity } = scope.edges
  return new OperationError({
    code: 'dependency-cycle',
    message: `There is no critical path: the ${entity.plural} form a cycle, ${names.join(' → ')}`,
    hint: `Remove one of them: steward ${system.name} ${entity.name} remove`,
    details: { cycle },
  })
}
