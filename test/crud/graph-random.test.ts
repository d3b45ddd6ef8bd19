/** Graphs at random, against what trying out every way finds. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { graphOf, isOpen } from '../../src/crud/graph.ts'
import { criticalPath } from '../../src/crud/graph-critical.ts'
import { type Direction, walkGraph } from '../../src/crud/graph-walk.ts'
import { Random } from '../../src/seeds/random.ts'
import { scopeFor } from './garden.ts'
import { createGarden, type Garden, joinJobs, plant } from './garden-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())

const links = scopeFor('link')
const STATES = ['waiting', 'waiting', 'running', 'blocked', 'done', 'failed', 'cancelled']
const KINDS = ['blocks', 'blocks', 'needs', 'suggests']

interface Job {
  readonly title: string
  readonly status: string
  readonly hours?: number
}
type Link = readonly [from: number, to: number, kind: string]

/** Jobs, and links of which none leads back. */
async function acyclic(random: Random, count: number) {
  const jobs = Array.from({ length: count }, (_, index): Job => {
    const job = { title: `J${index + 1}`, status: random.pick(STATES) }
    return random.chance(0.2) ? job : { ...job, hours: random.between(0, 9) }
  })
  const pairs = jobs.flatMap((_, from) => jobs.slice(0, from).map((__, to): [number, number] => [from + 1, to + 1]))
  const chosen = pairs.filter(() => random.chance(0.3)).map(([from, to]): Link => [from, to, random.pick(KINDS)])
  await plant(garden, jobs)
  await joinJobs(garden, chosen)
  return { jobs, links: chosen }
}

/** The weight of the heaviest chain of open jobs, found by going every way. */
function heaviest(jobs: readonly Job[], edges: readonly Link[]): number {
  const open = (id: number) => ['waiting', 'running', 'blocked', 'ready'].includes(jobs[id - 1]?.status ?? '')
  const from = (id: number): number => {
    const blockers = edges.filter(([waits, on, kind]) => waits === id && kind !== 'suggests' && open(on))
    return (jobs[id - 1]?.hours ?? 0) + Math.max(0, ...blockers.map(([, on]) => from(on)))
  }
  return Math.max(0, ...jobs.flatMap((_, index) => (open(index + 1) ? [from(index + 1)] : [])))
}

test('the critical path weighs as much as the heaviest of all chains, and is one', async () => {
  const random = new Random(58, 'chains')
  for (let round = 0; round < 25; round++) {
    const { jobs, links: edges } = await acyclic(random, 12)
    const walk = await walkGraph(garden.db, links, {
      ids: [],
      direction: 'up',
      limit: 1000,
      open: true,
      heaviest: true,
    })
    const path = criticalPath(links, walk, (node) => isOpen(graphOf(links), node))
    expect(path.sum).toBe(heaviest(jobs, edges))
    expect(path.weights.reduce((sum, weight) => sum + weight, 0)).toBe(path.sum)
    const ids = path.nodes.map((node) => Number(node.job_id))
    for (const [place, id] of ids.slice(1).entries()) {
      expect(edges.some(([from, to, kind]) => from === id && to === ids[place] && kind !== 'suggests')).toBe(true)
    }
  }
})

describe('within some steps', () => {
  test('are the edges that are as near as that, and it is said where more follow', async () => {
    const random = new Random(48, 'steps')
    for (let round = 0; round < 12; round++) {
      const jobs = Array.from({ length: 10 }, (_, index) => ({ title: `J${index + 1}` }))
      const edges = jobs.flatMap((_, from) =>
        jobs.flatMap((__, to): Link[] =>
          from !== to && random.chance(0.18) ? [[from + 1, to + 1, random.pick(KINDS)]] : [],
        ),
      )
      await plant(garden, jobs)
      await joinJobs(garden, edges)
      for (const direction of ['up', 'down', 'both'] as const) {
        for (const depth of [1, 2, 3]) {
          const walk = await walkGraph(garden.db, links, { ids: ['1', '4'], direction, depth, limit: 1000 })
          const expected = nearby(edges, [1, 4], direction, depth)
          expect(walk.edges.map(({ link_id: id }) => Number(id)).toSorted((a, b) => a - b)).toEqual(expected.near)
          expect([...walk.deeper.up].map(Number).toSorted((a, b) => a - b)).toEqual(expected.up)
          expect([...walk.deeper.down].map(Number).toSorted((a, b) => a - b)).toEqual(expected.down)
        }
      }
    }
  })

  test('reads a dense graph once, not once for every way through it', { timeout: 6_000 }, async () => {
    const count = 160
    const jobs = Array.from({ length: count }, (_, index) => ({ title: `J${index + 1}` }))
    await plant(garden, jobs)
    await joinJobs(
      garden,
      jobs.flatMap((_, from) => jobs.slice(0, from).map((__, to): [number, number] => [from + 1, to + 1])),
    )
    const walk = await walkGraph(garden.db, links, {
      ids: [String(count)],
      direction: 'up',
      depth: 100,
      limit: 100_000,
    })
    expect(walk).toMatchObject({ cut: false, edges: { length: (count * (count - 1)) / 2 } })
  })
})

/** Places of the edges within a depth (their ids), and the nodes from which edges one step further lead. */
function nearby(edges: readonly Link[], ids: readonly number[], direction: Direction, depth: number) {
  const steps = new Map<number, { up?: number; down?: number }>()
  for (const way of direction === 'both' ? (['up', 'down'] as const) : [direction]) {
    const [here, there] = way === 'up' ? [0, 1] : [1, 0]
    const distance = new Map(ids.map((id) => [id, 0]))
    for (let step = 1; step <= edges.length; step++) {
      for (const edge of edges) {
        const before = distance.get(edge[here] as number)
        if (before === step - 1 && !distance.has(edge[there] as number)) distance.set(edge[there] as number, step)
      }
    }
    for (const [place, edge] of edges.entries()) {
      const before = distance.get(edge[here] as number)
      if (before !== undefined) steps.set(place + 1, { ...steps.get(place + 1), [way]: before + 1 })
    }
  }
  const nearest = ({ up = 1e9, down = 1e9 }) => Math.min(up, down)
  const beyond = [...steps].filter(([, step]) => nearest(step) === depth + 1)
  const nodes = (way: 'up' | 'down') =>
    beyond.flatMap(([id, step]) => (step[way] !== depth + 1 ? [] : [edges[id - 1]?.[way === 'up' ? 0 : 1]]))
  const sorted = (numbers: readonly unknown[]) => [...new Set(numbers.map(Number))].toSorted((a, b) => a - b)
  return {
    near: sorted([...steps].filter(([, step]) => nearest(step) <= depth).map(([id]) => id)),
    up: sorted(nodes('up')),
    down: sorted(nodes('down')),
  }
}
