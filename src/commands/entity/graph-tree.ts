/** A part of a dependency graph as a tree for people: each node once with all below it, then only by name. */
import type { Walk } from '../../crud/graph-walk.ts'
import type { Cells } from '../../model/column.ts'
import type { Branch, Mark } from '../../output/view.ts'
import { spoken } from './entity-scope.ts'
import type { GraphWords } from './graph.ts'

/** `up`: below a node stands what it waits for. `down`: who waits for it. */
type Way = 'up' | 'down'

/** A branch while the tree grows. */
interface Growing extends Branch {
  readonly head: Mark[]
  readonly branches: Growing[]
}

/** The trees of named nodes, both ways under headings of their own. */
export function treesOf(words: GraphWords, walk: Walk, ids: readonly string[], ways: readonly Way[]): Branch[] {
  const forest = new Forest(words, walk)
  const [only] = ways
  if (ways.length === 1 && only) return ids.map((id) => forest.grow(id, only))
  return ids.map((id) => {
    const root: Growing = { head: forest.headOf(id), branches: [] }
    for (const way of ways) {
      const { branches } = forest.grow(id, way)
      const heading = way === 'up' ? 'waits for' : 'is waited for by'
      const none: Mark[] = branches.length === 0 ? [{ text: 'nothing', weight: 'dim' }] : []
      root.branches.push({ head: [{ text: heading, weight: 'bold' }, ...none], branches })
    }
    return root
  })
}

/** Every node of the walk: first those at the top, then what only a cycle keeps from being below one of them. */
export function wholeForest(words: GraphWords, walk: Walk, way: Way): Branch[] {
  const forest = new Forest(words, walk)
  const { graph, nodes } = words
  const [above, below] = way === 'up' ? [graph.from, graph.to] : [graph.to, graph.from]
  const covered = new Set(walk.edges.map((edge) => String(edge[below])))
  const tops = new Set(walk.edges.map((edge) => String(edge[above])).filter((id) => !covered.has(id)))
  const roots = walk.nodes.map((node) => String(node[nodes.primaryKey])).filter((id) => tops.has(id))
  const grown = roots.map((id) => forest.grow(id, way))
  const rest = walk.nodes.map((node) => String(node[nodes.primaryKey]))
  for (const id of rest) if (!forest.hasMet(id, way)) grown.push(forest.grow(id, way))
  return grown
}

class Forest {
  readonly #words: GraphWords
  readonly #walk: Walk
  readonly #nodes: ReadonlyMap<string, Cells>
  readonly #onward: Readonly<Record<Way, ReadonlyMap<string, readonly Cells[]>>>
  readonly #met = { up: new Set<string>(), down: new Set<string>() }

  constructor(words: GraphWords, walk: Walk) {
    const { graph, nodes } = words
    this.#words = words
    this.#walk = walk
    this.#nodes = new Map(walk.nodes.map((node) => [String(node[nodes.primaryKey]), node]))
    this.#onward = { up: grouped(walk.edges, graph.from), down: grouped(walk.edges, graph.to) }
  }

  hasMet(id: string, way: Way): boolean {
    return this.#met[way].has(id)
  }

  /** The tree below one node. A node that was met before is marked and not followed again, so that a cycle ends. */
  grow(id: string, way: Way): Growing {
    const { graph } = this.#words
    const root: Growing = { head: this.headOf(id), branches: [] }
    const waiting: { readonly id: string; readonly branch: Growing }[] = [{ id, branch: root }]
    // A stack, not a recursion: chains may be long.
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const edges = this.#onward[way].get(next.id) ?? []
      if (this.#met[way].has(next.id)) {
        if (edges.length > 0) next.branch.head.push({ text: '(shown above)', weight: 'dim' })
        continue
      }
      this.#met[way].add(next.id)
      if (this.#walk.deeper[way].has(next.id)) next.branch.head.push({ text: '(goes on)', weight: 'dim' })
      for (const edge of edges) {
        const child = String(edge[way === 'up' ? graph.to : graph.from])
        const branch: Growing = { head: [...this.headOf(child), ...this.#kindOf(edge)], branches: [] }
        next.branch.branches.push(branch)
      }
      // The first child is taken from the stack first, as it is printed first.
      for (let place = edges.length - 1; place >= 0; place--) {
        const [edge, branch] = [edges[place], next.branch.branches[place]]
        if (edge && branch) waiting.push({ id: String(edge[way === 'up' ? graph.to : graph.from]), branch })
      }
    }
    return root
  }

  headOf(id: string): Mark[] {
    const { graph, nodes } = this.#words
    const node = this.#nodes.get(id)
    if (!node) return [{ text: id }]
    const label = String(node[graph.label] ?? '')
    const name: Mark[] =
      label === '' || label === id ? [{ text: id }] : [{ text: label }, { text: id, weight: 'dim' }]
    const { lifecycle, softDelete } = nodes
    const isDeleted = softDelete !== undefined && (node[softDelete.field] ?? null) !== null
    const marks: Mark[] = isDeleted ? [...name, { text: '(deleted)', tone: 'bad' }] : name
    if (!lifecycle) return marks
    const state = String(node[lifecycle.field])
    const tone = nodes.fields[lifecycle.field]?.tones?.[state]
    return [...marks, tone === undefined ? { text: state } : { text: state, tone }]
  }

  /** Only kinds for which nobody waits are named. */
  #kindOf(edge: Cells): Mark[] {
    const { graph } = this.#words
    const kind = String(edge[graph.kind])
    return graph.blocking.includes(kind) ? [] : [{ text: `(${spoken(kind)})`, weight: 'dim' }]
  }
}

function grouped(edges: readonly Cells[], key: string): Map<string, Cells[]> {
  const groups = new Map<string, Cells[]>()
  for (const edge of edges) {
    const id = String(edge[key])
    const group = groups.get(id)
    if (group) group.push(edge)
    else groups.set(id, [edge])
  }
  return groups
}
