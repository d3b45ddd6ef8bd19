/** What a selection reaches, from the catalog: which keys are followed, which keep a root, and in what order to go. */
import { type Catalog, followedActions, type Key } from './catalog.ts'
import type { Table } from './catalog-tables.ts'
import type { Selection } from './selection.ts'

/** Tables that are worked on together: one, or several that refer to each other in a ring. */
export interface Stage {
  readonly tables: readonly Table[]
  /** A table that refers to itself is a ring, too. */
  readonly isRing: boolean
}

export interface Shape {
  readonly root: Table
  /** Tables of the closure; parents before their children, as far as there is no ring. */
  readonly stages: readonly Stage[]
  /** The same in one row. */
  readonly tables: readonly Table[]
  /** Keys that lead to what goes along. */
  readonly followed: readonly Key[]
  /** Keys whose referring rows keep what they refer to, unless they go along themselves. */
  readonly holding: readonly Key[]
  /** Keys whose referring rows stay and lose their reference. */
  readonly detaching: readonly Key[]
  /** Columns of the root's age by which no index finds what is due. */
  readonly agesWithoutIndex: readonly string[]
  /** Any table that plays a part, by OID. */
  table(oid: number): Table
  /** Rows of another schema, which would go along but for that. */
  isElsewhere(key: Key): boolean
}

/** Works out the shape of a selection's aggregates. */
export function shapeOf(catalog: Catalog, selection: Selection): Shape {
  const { root, keys } = catalog
  const actions = followedActions(selection.follow)
  // Rows of other schemas do not go along, whatever their key says: they keep what they refer to.
  const isElsewhere = ({ onDelete, child }: Key) => actions.includes(onDelete) && table(child).schema !== root.schema
  const goesAlong = (key: Key) => actions.includes(key.onDelete) && !isElsewhere(key)
  const followed = keys.filter(goesAlong)
  const rest = keys.filter((key) => !goesAlong(key))
  const detaching = rest.filter((key) => isDetached(key, selection) && table(key.child).key.length > 0)
  const stages = inStages(root.oid, followed).map(({ oids, isRing }) => ({ tables: oids.map(table), isRing }))
  return {
    root,
    stages,
    tables: stages.flatMap(({ tables }) => tables),
    followed,
    holding: rest.filter((key) => !detaching.includes(key)),
    detaching,
    agesWithoutIndex: catalog.agesWithoutIndex,
    table,
    isElsewhere,
  }

  function table(oid: number): Table {
    const found = catalog.tables.get(oid)
    if (found === undefined) throw new RangeError(`the catalog of ${root.schema}.${root.name} has no table ${oid}`)
    return found
  }
}

/** What the rule lets go of, as far as the key says SET NULL: another action is the database's own word against it. */
function isDetached({ onDelete, childRelation, pairs }: Key, { detaches }: Selection): boolean {
  if (onDelete !== 'set null') return false
  return detaches.some(
    ({ schema, table, columns }) =>
      schema === childRelation.schema &&
      table === childRelation.name &&
      columns.length === pairs.length &&
      pairs.every(({ column }, index) => column === columns[index]),
  )
}

interface Group {
  readonly oids: readonly number[]
  readonly isRing: boolean
}

/** Strongly connected components of the followed keys, in topological order from the root (R. Tarjan, 1972). */
function inStages(root: number, followed: readonly Key[]): Group[] {
  const children = new Map<number, number[]>()
  for (const { parent, child } of followed) children.set(parent, [...(children.get(parent) ?? []), child])
  const order = new Map<number, number>()
  const lowest = new Map<number, number>()
  const open: number[] = []
  const groups: Group[] = []
  connect(root)
  return groups.toReversed()

  /** Goes as deep as there are tables in a chain of keys. */
  function connect(oid: number): number {
    const place = order.size
    order.set(oid, place)
    lowest.set(oid, place)
    open.push(oid)
    for (const child of children.get(oid) ?? []) {
      const known = order.get(child)
      const reaches = known === undefined ? connect(child) : open.includes(child) ? known : place
      lowest.set(oid, Math.min(lowest.get(oid) ?? place, reaches))
    }
    const low = lowest.get(oid) ?? place
    if (low === place) {
      const oids = open.splice(open.indexOf(oid))
      groups.push({ oids, isRing: oids.length > 1 || (children.get(oid) ?? []).includes(oid) })
    }
    return low
  }
}
