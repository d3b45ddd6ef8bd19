import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { raw } from '../../src/model/sql.ts'
import { createGarden, type Garden, joinJobs, plant } from './garden-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())

const graph = (...argv: string[]) => garden.run(['link', 'graph', ...argv])
const terminal = (argv: string[], columns = 80) =>
  garden.run(['link', 'graph', ...argv], {
    tty: { stdout: true, columns },
    env: { DATABASE_URL: garden.database.url, LANG: 'C.UTF-8', TERM: 'xterm-256color' },
  })

/** House waits for walls and roof, roof for walls, walls for the base; garden only suggests the house. */
async function house() {
  await plant(garden, [
    { title: 'House', status: 'blocked', hours: 1 },
    { title: 'Walls', status: 'blocked', hours: 40 },
    { title: 'Roof', status: 'blocked', hours: 16 },
    { title: 'Base', status: 'running', hours: 24 },
    { title: 'Plan', status: 'done', hours: 100 },
    { title: 'Garden', hours: 8 },
    { title: 'Permit', status: 'cancelled', hours: 500 },
  ])
  await joinJobs(garden, [
    [1, 2],
    [1, 3],
    [3, 2],
    [2, 4],
    [4, 5],
    [6, 1, 'suggests'],
    [4, 7],
  ])
}

describe('graph', () => {
  test('draws a tree both ways: marks what was met, kinds for which nobody waits, and the states', async () => {
    await house()
    const { exitCode, stdout } = await graph('1')
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      [
        'House  1  blocked',
        '├─ waits for',
        '│  ├─ Walls  2  blocked',
        '│  │  └─ Base  4  running',
        '│  │     ├─ Plan  5  done',
        '│  │     └─ Permit  7  cancelled',
        '│  └─ Roof  3  blocked',
        '│     └─ Walls  2  blocked  (shown above)',
        '└─ is waited for by',
        '   └─ Garden  6  waiting  (suggests)',
        '',
      ].join('\n'),
    )
    const coloured = await terminal(['1', '--direction', 'up', '--depth', '1'])
    expect(coloured.stdout).toContain('\x1b[33mblocked')
    expect(coloured.stderr).toContain('--depth shows more')
    expect(coloured.stdout).toContain('(goes on)')
  })

  test('draws the whole graph from what nobody waits for, or the other way round', async () => {
    await house()
    const up = await graph('--direction', 'up')
    expect(up.stdout.split('\n')[0]).toBe('Garden  6  waiting')
    expect(up.stdout).toContain('\n└─ House  1  blocked  (suggests)\n')
    const down = await graph('--direction', 'down')
    expect(down.stdout.split('\n').filter((line) => /^\S/.test(line) && !/^[├└│]/.test(line))).toEqual([
      'Plan  5  done',
      'Permit  7  cancelled',
    ])
    const open = await graph('--unfinished')
    expect(open.stdout).toBe(
      'House  1  blocked\n├─ Walls  2  blocked\n│  └─ Base  4  running\n└─ Roof  3  blocked\n   └─ Walls  2  blocked  (shown above)\n',
    )
    expect(await graph('--depth', '3')).toMatchObject({ exitCode: 2 })
    await plant(garden, [{ title: 'Alone' }])
    expect(await graph()).toMatchObject({ exitCode: 0, stdout: '', stderr: 'There are no links\n' })
    expect((await graph('1')).stdout).toContain('waits for  nothing')
    expect(await graph('9')).toMatchObject({ exitCode: 4 })
  })

  test('gives programs nodes and edges, within the depth, each once', async () => {
    await house()
    const { stdout } = await graph('job-1', '--direction', 'up', '--depth', '2', '--json')
    const { nodes, edges } = JSON.parse(stdout)
    expect(nodes.map((node: { job_id: number }) => node.job_id)).toEqual([1, 2, 3, 4])
    expect(nodes[1]).toEqual({
      job_id: 2,
      code: 'job-2',
      title: 'Walls',
      status: 'blocked',
      hours: 40,
      deleted_at: null,
    })
    expect(edges.map((edge: { link_id: number }) => edge.link_id)).toEqual([1, 2, 3, 4])
    const csv = await graph('1', '--section', 'edges', '-o', 'csv', '--fields', 'job_id,needs_id')
    expect(csv.stdout.split('\n').slice(0, 3)).toEqual(['job_id,needs_id', '1,2', '1,3'])
  })

  test('ends where the edges go round, and says what a limit left out', async () => {
    await plant(garden, [{ title: 'A' }, { title: 'B' }, { title: 'C' }])
    await joinJobs(garden, [
      [1, 2],
      [2, 3],
      [3, 1],
    ])
    expect((await graph('1', '--direction', 'up')).stdout).toBe(
      'A  1  waiting\n└─ B  2  waiting\n   └─ C  3  waiting\n      └─ A  1  waiting  (shown above)\n',
    )
    expect((await graph()).stdout).toContain('A  1  waiting\n└─ B')
    const cut = await graph('--limit', '2', '--json')
    expect(JSON.parse(cut.stdout).edges).toHaveLength(2)
    expect(cut.stderr).toBe('Only the first 2 links are shown; --limit shows more\n')
    const critical = await graph('--critical-path')
    expect(critical).toMatchObject({ exitCode: 6 })
    expect(critical.stderr).toContain('A (1) → B (2) → C (3) → A (1)')
  })

  test('reads a chain of thousands in one go, and draws it without a stack', async () => {
    await garden.db.execute(raw('TRUNCATE garden.jobs, garden.links RESTART IDENTITY CASCADE'))
    await garden.db.execute(
      raw(
        `INSERT INTO garden.jobs (code, title, hours) SELECT 'c' || n, 'Job ' || n, 1 FROM generate_series(1, 5000) AS n`,
      ),
    )
    await garden.db.execute(
      raw('INSERT INTO garden.links (job_id, needs_id) SELECT n, n + 1 FROM generate_series(1, 4999) AS n'),
    )
    const whole = await graph('--limit', '10000', '--direction', 'up')
    expect(whole.stdout.split('\n')).toHaveLength(5001)
    expect(Math.max(...whole.stdout.split('\n').map((line) => line.length))).toBeLessThan(200)
    const critical = JSON.parse((await graph('1', '--critical-path', '--json')).stdout)
    expect(critical.total).toEqual({ nodes: 5000, weight: 5000 })
    const near = JSON.parse((await graph('2500', '--depth', '3', '--json')).stdout)
    expect(near.nodes).toHaveLength(7)
  })

  test('cuts long labels on a terminal only', async () => {
    await plant(garden, [{ title: 'x'.repeat(200) }, { title: 'B' }])
    await joinJobs(garden, [[1, 2]])
    const lines = (await terminal(['1', '--direction', 'up', '--no-color'], 40)).stdout.split('\n')
    expect(lines[0]).toHaveLength(40)
    expect(lines[0]).toMatch(/x… {2}1 {2}waiting$/)
    expect((await graph('1', '--direction', 'up')).stdout).toContain('x'.repeat(200))
  })
})

describe('--critical-path', () => {
  test('is the heaviest chain of open work, first things first', async () => {
    await house()
    const { stdout } = await graph('--critical-path', '--json')
    const { path, total } = JSON.parse(stdout)
    expect(path.map((node: { title: string }) => node.title)).toEqual(['Base', 'Walls', 'Roof', 'House'])
    expect(path.map((node: { sum_so_far: number }) => node.sum_so_far)).toEqual([24, 64, 80, 81])
    expect(total).toEqual({ nodes: 4, weight: 81 })
    const from = JSON.parse((await graph('2', '--critical-path', '--json')).stdout)
    expect(from.total).toEqual({ nodes: 2, weight: 64 })
    const people = await graph('--critical-path')
    expect(people.stdout).toMatch(/4\s+job-4\s+Base\s+running\s+24/)
  })

  test('says what has no weight, and that nothing is left', async () => {
    await plant(garden, [{ title: 'A' }, { title: 'B', hours: 2 }])
    await joinJobs(garden, [[1, 2]])
    const { stderr, stdout } = await graph('--critical-path', '--json')
    expect(JSON.parse(stdout).total).toEqual({ nodes: 2, weight: 2 })
    expect(stderr).toBe('1 job of it without hours counts as 0.\n')
    await plant(garden, [
      { title: 'A', hours: 3 },
      { title: 'B', hours: 5 },
    ])
    expect(JSON.parse((await graph('--critical-path', '--json')).stdout).total).toEqual({ nodes: 1, weight: 5 })
    await plant(garden, [{ title: 'A', status: 'done' }])
    const none = await graph('1', '--critical-path')
    expect(none.stdout).toContain('There is no unfinished work')
    expect(await graph('--critical-path', '--mermaid')).toMatchObject({ exitCode: 2 })
  })
})

describe('--mermaid', () => {
  test('prints a flowchart', async () => {
    await house()
    const { stdout } = await graph('3', '--direction', 'up', '--depth', '2', '--mermaid')
    expect(stdout).toBe(
      [
        'flowchart LR',
        '  n1["Roof<br/>blocked"]:::active',
        '  n2["Walls<br/>blocked"]:::active',
        '  n3["Base<br/>running"]:::active',
        '  n1 --> n2',
        '  n2 --> n3',
        '  classDef active fill:lightyellow,stroke:goldenrod,color:black',
        '',
      ].join('\n'),
    )
    expect((await graph('6', '--direction', 'up', '--depth', '1', '--mermaid')).stdout).toContain(
      'n1 -. "suggests" .-> n2',
    )
    await garden.db.execute(raw('UPDATE garden.jobs SET deleted_at = now() WHERE job_id = 4'))
    expect((await graph('2', '--direction', 'up', '--mermaid')).stdout).toContain('"Base<br/>running, deleted"')
  })

  test('lets no label end, open or steer anything', async () => {
    const hostile = [
      'a"] --> evil["b',
      '%%{init: {"theme":"dark"}}%%',
      '<img src=x onerror=alert(1)>',
      'click n1 href "javascript:alert(1)"',
      '`**bold**`; end\nsubgraph x',
      '#quot;#35; & \\ $$x$$',
      '1. list',
      '- list',
      'style:x#0;\u202e\x1b]0;title\x07 ünï 👩‍👩‍👧',
    ]
    await plant(
      garden,
      hostile.map((title) => ({ title })),
    )
    await joinJobs(
      garden,
      hostile.slice(1).map((_, index) => [1, index + 2]),
    )
    const { stdout } = await graph('1', '--direction', 'up', '--mermaid')
    const boxes = stdout.split('\n').slice(1, hostile.length + 1)
    // Between its own quotes a label has nothing but letters, digits, harmless signs, codes and what is not ASCII.
    for (const box of boxes) {
      expect(box).toMatch(/^ {2}n\d+\["(?:[A-Za-z0-9 ,._/()-]|#\d+;|[^\x00-\x7f])+<br\/>waiting"\]$/)
      expect(box).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
    }
    expect(stdout.split('\n')).toHaveLength(1 + hostile.length + (hostile.length - 1) + 1)
    expect(boxes[6]).toContain('"1#46; list<')
    expect(boxes[7]).toContain('"#45; list<')
    expect(boxes[8]).toContain('ünï')
  })
})
