/**
 * What the archive must do with a graph, worked out row by row over the raw rows, with nothing of the engine's: the
 * reference that proofs compare it with.
 */
import { type Graph, type GraphKey, OLD, tableNamed } from './graph-schema.ts'

export interface Verdict {
  /** Places in `graph.rows` of the rows that move. */
  readonly moved: ReadonlySet<number>
  /** Due roots that stay, and the keys that may be named as the reason: each keeps one row of its closure. */
  readonly kept: ReadonlyMap<number, readonly GraphKey[]>
  /** Rows that stay and lose a reference. */
  readonly detached: readonly { readonly row: number; readonly key: GraphKey }[]
}

/** A row that refers to another. */
interface Reference {
  readonly from: number
  readonly to: number
  readonly key: GraphKey
}

/** Whether the closure goes on over a key. */
export function isFollowed({ follow }: Pick<Graph, 'follow'>, { onDelete }: GraphKey): boolean {
  return follow === 'cascade' ? onDelete === 'CASCADE' : onDelete !== 'SET NULL' && onDelete !== 'SET DEFAULT'
}

/** Whether the rule is about a row, as far as the row itself says so. */
export function isDue(graph: Graph, row: Graph['rows'][number]): boolean {
  if (row.table !== graph.root) return false
  const { age = null, age2 = null, state } = row.values
  const instant = age ?? (graph.secondAge ? age2 : null)
  const old = instant !== null && (OLD as readonly string[]).includes(instant)
  return old && (!graph.onlyDone || state === 'done')
}

/** Every reference that a row holds: none where one of its columns is NULL (MATCH SIMPLE). */
export function referencesOf(graph: Graph): Reference[] {
  return graph.keys.flatMap((key) => {
    const byKey = new Map<string, number>()
    for (const [place, { table, values }] of graph.rows.entries()) {
      if (table !== key.parent) continue
      byKey.set(JSON.stringify(key.parentColumns.map((column) => values[column] ?? null)), place)
    }
    return graph.rows.flatMap(({ table, values }, from): Reference[] => {
      if (table !== key.child) return []
      const named = key.columns.map((column) => values[column] ?? null)
      if (named.includes(null)) return []
      const to = byKey.get(JSON.stringify(named))
      if (to === undefined) throw new Error(`${tableNamed(graph, table).name}: ${key.name} leads to no row`)
      return [{ from, to, key }]
    })
  })
}

/**
 * The greatest set of due roots that can go together: as long as a row that stays refers to a row that would go, over
 * a key that is neither followed nor let go of, the roots whose closures have that row are taken out.
 */
export function verdictOf(graph: Graph): Verdict {
  const references = referencesOf(graph)
  const letGo = new Set(graph.detached.map((index) => graph.keys[index]))
  const below = new Map<number, number[]>()
  for (const { from, to, key } of references) {
    if (isFollowed(graph, key)) below.set(to, [...(below.get(to) ?? []), from])
  }
  const due = [...graph.rows.entries()].filter(([, row]) => isDue(graph, row)).map(([place]) => place)
  const closures = new Map(due.map((root) => [root, closureOf(root, below)]))
  const going = new Set(due)
  for (let changed = true; changed; ) {
    changed = false
    const moved = union(going, closures)
    const held = holding(moved)
    for (const root of going) {
      if (![...(closures.get(root) ?? [])].some((row) => held.has(row))) continue
      going.delete(root)
      changed = true
    }
  }
  const moved = union(going, closures)
  const kept = new Map(
    due
      .filter((root) => !going.has(root))
      .map((root) => {
        const closure = closures.get(root) ?? new Set()
        const reasons = references.filter(
          ({ from, to, key }) =>
            closure.has(to) && !closure.has(from) && !moved.has(from) && !isFollowed(graph, key) && !letGo.has(key),
        )
        return [root, [...new Set(reasons.map(({ key }) => key))]] as const
      }),
  )
  const detached = references
    .filter(({ from, to, key }) => moved.has(to) && !moved.has(from) && letGo.has(key))
    .map(({ from, key }) => ({ row: from, key }))
  return { moved, kept, detached }

  /** Rows that would go although one that stays refers to them. */
  function holding(moving: ReadonlySet<number>): ReadonlySet<number> {
    const holders = references.filter(
      ({ from, to, key }) => moving.has(to) && !moving.has(from) && !isFollowed(graph, key) && !letGo.has(key),
    )
    return new Set(holders.map(({ to }) => to))
  }
}

function closureOf(root: number, below: ReadonlyMap<number, readonly number[]>): ReadonlySet<number> {
  const closure = new Set([root])
  for (const row of closure) for (const child of below.get(row) ?? []) closure.add(child)
  return closure
}

function union(roots: ReadonlySet<number>, closures: ReadonlyMap<number, ReadonlySet<number>>): Set<number> {
  return new Set([...roots].flatMap((root) => [...(closures.get(root) ?? [])]))
}
