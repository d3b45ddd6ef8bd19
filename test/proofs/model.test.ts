/** The reference model on graphs made by hand, whose outcome anybody can see. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { graphChoices, graphOf } from '../support/graph-arbitrary.ts'
import { isDue, isFollowed, referencesOf, verdictOf } from '../support/graph-model.ts'
import { type DeleteAction, type Graph, type GraphKey, OLD, YOUNG } from '../support/graph-schema.ts'

type Edge = readonly [child: string, column: string, parent: string, onDelete: DeleteAction]
type Line = readonly [
  table: string,
  id: string,
  refs?: Readonly<Record<string, string>>,
  age?: 'old' | 'young' | null,
]

/** Tables are named by letters; `a` is the root. */
function graph(edges: readonly Edge[], lines: readonly Line[], letGo: readonly number[] = []): Graph {
  const names = [...new Set(['a', ...edges.flatMap(([child, , parent]) => [child, parent])])]
  const keys = edges.map(
    ([child, column, parent, onDelete]): GraphKey => ({
      name: `${child}.${column}`,
      child: names.indexOf(child),
      columns: [column],
      parent: names.indexOf(parent),
      parentColumns: ['id'],
      onDelete,
      matchFull: false,
    }),
  )
  return {
    schema: 's',
    tables: names.map((name) => ({ schema: 's', name, columns: [], primaryKey: ['id'], uniques: [], gap: false })),
    keys,
    rows: lines.map(([table, id, refs = {}, age = 'old']) => ({
      table: names.indexOf(table),
      values: { id, ...refs, age: age === 'old' ? OLD[0] : age === 'young' ? YOUNG[0] : null, state: 'done' },
    })),
    root: 0,
    follow: 'cascade',
    detached: letGo,
    secondAge: false,
    onlyDone: false,
  }
}

function outcome(of: Graph) {
  const { moved, kept, detached } = verdictOf(of)
  const name = (row: number) => `${of.tables[of.rows[row]?.table ?? 0]?.name}${of.rows[row]?.values.id}`
  return {
    moved: [...moved].map(name).sort().join(' '),
    kept: [...kept].map(([row, keys]) => `${name(row)}: ${keys.map((key) => key.name).join(' ')}`),
    detached: detached.map(({ row, key }) => `${name(row)} ${key.name}`),
  }
}

describe('the model', () => {
  it('moves a due root with all below it, and nothing young or ageless', () => {
    const of = graph(
      [
        ['b', 'r', 'a', 'CASCADE'],
        ['c', 'r', 'b', 'CASCADE'],
      ],
      [
        ['a', '1'],
        ['a', '2', {}, 'young'],
        ['a', '3', {}, null],
        ['b', '1', { r: '1' }],
        ['b', '2', { r: '2' }],
        ['c', '1', { r: '1' }],
        ['c', '2', { r: '2' }],
      ],
    )
    expect(outcome(of)).toEqual({ moved: 'a1 b1 c1', kept: [], detached: [] })
  })

  it('keeps the whole aggregate for one row that refers to the lowest of its rows', () => {
    const of = graph(
      [
        ['b', 'r', 'a', 'CASCADE'],
        ['c', 'r', 'b', 'NO ACTION'],
      ],
      [
        ['a', '1'],
        ['a', '2'],
        ['b', '1', { r: '1' }],
        ['b', '2', { r: '2' }],
        ['c', '1', { r: '1' }],
      ],
    )
    expect(outcome(of)).toEqual({ moved: 'a2 b2', kept: ['a1: c.r'], detached: [] })
  })

  it('takes a ring of roots together, and keeps it together', () => {
    const edges: readonly Edge[] = [['a', 'next', 'a', 'NO ACTION']]
    const ring = (age: 'old' | 'young') =>
      graph(edges, [
        ['a', '1', { next: '2' }],
        ['a', '2', { next: '3' }],
        ['a', '3', { next: '1' }, age],
      ])
    expect(outcome(ring('old')).moved).toBe('a1 a2 a3')
    expect(outcome(ring('young'))).toEqual({ moved: '', kept: ['a1: a.next', 'a2: a.next'], detached: [] })
  })

  it('keeps a root whose referrer lies in the closure of one that is kept', () => {
    const of = graph(
      [
        ['b', 'r', 'a', 'CASCADE'],
        ['b', 'also', 'a', 'RESTRICT'],
        ['c', 'r', 'a', 'SET NULL'],
      ],
      [
        ['a', '1'],
        ['a', '2'],
        ['b', '1', { r: '2', also: '1' }],
        ['c', '1', { r: '2' }],
      ],
    )
    expect(outcome(of)).toEqual({ moved: '', kept: ['a1: b.also', 'a2: c.r'], detached: [] })
  })

  it('lets go of what the rule lets go of, and of nothing else', () => {
    const edges: readonly Edge[] = [
      ['b', 'r', 'a', 'SET NULL'],
      ['c', 'r', 'a', 'SET NULL'],
    ]
    const lines: readonly Line[] = [
      ['a', '1'],
      ['a', '2'],
      ['b', '1', { r: '1' }],
      ['b', '2', { r: '2' }],
      ['c', '1', { r: '2' }],
    ]
    expect(outcome(graph(edges, lines, [0]))).toEqual({ moved: 'a1', kept: ['a2: c.r'], detached: ['b1 b.r'] })
  })

  it('moves a child of two roots with the one that goes', () => {
    const of = graph(
      [
        ['b', 'left', 'a', 'CASCADE'],
        ['b', 'right', 'a', 'CASCADE'],
      ],
      [
        ['a', '1'],
        ['a', '2', {}, 'young'],
        ['b', '1', { left: '1', right: '2' }],
      ],
    )
    expect(outcome(of).moved).toBe('a1 b1')
  })

  it('takes young roots below an old one over a cascading key to itself', () => {
    const of = graph(
      [['a', 'up', 'a', 'CASCADE']],
      [
        ['a', '1'],
        ['a', '2', { up: '1' }, 'young'],
        ['a', '3', { up: '3' }],
      ],
    )
    expect(outcome(of).moved).toBe('a1 a2 a3')
  })
})

it('agrees with itself: what moves is closed below, and nothing that stays needs it', () => {
  let [moving, keeping, letting] = [0, 0, 0]
  fc.assert(
    fc.property(graphChoices(), (choices) => {
      const of = graphOf(choices, 's')
      const { moved, kept, detached } = verdictOf(of)
      const letGo = new Set(of.detached.map((index) => of.keys[index]))
      for (const { from, to, key } of referencesOf(of)) {
        if (!moved.has(to) || moved.has(from)) continue
        expect(isFollowed(of, key)).toBe(false)
        expect(letGo.has(key)).toBe(true)
      }
      for (const [row, at] of of.rows.entries()) if (isDue(of, at)) expect(moved.has(row)).toBe(!kept.has(row))
      for (const reasons of kept.values()) expect(reasons.length).toBeGreaterThan(0)
      moving += moved.size > 0 ? 1 : 0
      keeping += kept.size > 0 ? 1 : 0
      letting += detached.length > 0 ? 1 : 0
    }),
    { seed: 4, numRuns: 500 },
  )
  // A generator whose graphs are all alike would prove nothing.
  expect(moving).toBeGreaterThan(300)
  expect(keeping).toBeGreaterThan(100)
  expect(letting).toBeGreaterThan(25)
})
