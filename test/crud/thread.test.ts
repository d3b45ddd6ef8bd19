import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { raw, sql } from '../../src/model/sql.ts'
import { createGarden, type Garden, plant } from './garden-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())
beforeEach(() => plant(garden, []))

/** Notes of talk 7, a minute apart. */
async function say(
  ...notes: readonly {
    readonly body: string
    readonly answers?: number
    readonly author?: string
    readonly kind?: string
  }[]
) {
  for (const [index, { body, answers = null, author = 'ann', kind = 'text' }] of notes.entries()) {
    await garden.db.execute(sql`
      INSERT INTO garden.notes (talk_id, answers_id, author, kind, body, created_at)
      VALUES (7, ${answers}::integer, ${author}, ${kind}, ${body},
              timestamptz '2026-11-01T08:00Z' + ${index}::integer * interval '1 min')`)
  }
}

const thread = (...argv: string[]) => garden.run(['note', 'thread', '7', ...argv])

describe('thread', () => {
  test('shows replies below what they answer, texts wrapped to the terminal, nothing raw', async () => {
    await say(
      { body: 'Where do we dig?' },
      { body: 'And when?' },
      { body: 'By the wall,\nsouth side \x1b[2J\u202e', answers: 1, author: 'bob' },
      { body: 'dig();', answers: 3, kind: 'code' },
      { body: 'Elsewhere', answers: 99 },
      { body: 'Tomorrow', answers: 2, author: 'bob' },
    )
    const { exitCode, stdout } = await thread()
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      [
        'ann  2026-11-01 08:00:00  text',
        '│  Where do we dig?',
        '└─ bob  2026-11-01 08:02:00  text',
        '   │  By the wall,',
        '   │  south side \\e[2J\\u202e',
        '   └─ ann  2026-11-01 08:03:00  code',
        '      dig();',
        'ann  2026-11-01 08:01:00  text',
        '│  And when?',
        '└─ bob  2026-11-01 08:05:00  text',
        '   Tomorrow',
        'ann  2026-11-01 08:04:00  text  (answers one that is not shown)',
        'Elsewhere',
        '',
      ].join('\n'),
    )
    await say({ body: 'many words '.repeat(20).trim(), answers: 6 })
    const narrow = await garden.run(['note', 'thread', '7', '--no-color'], {
      tty: { stdout: true, columns: 40 },
      env: { DATABASE_URL: garden.database.url, LANG: 'C.UTF-8' },
    })
    const bodies = narrow.stdout.split('\n').filter((line) => !line.includes('08:'))
    expect(Math.max(...bodies.map((line) => line.length))).toBeLessThanOrEqual(40)
    expect(bodies.filter((line) => line.includes('many words')).length).toBeGreaterThan(5)
  })

  test('gives programs rows in the same order with their depth', async () => {
    await say({ body: 'a' }, { body: 'b' }, { body: 'c', answers: 1 }, { body: 'd', answers: 3 })
    const { stdout } = await thread('-o', 'csv', '--fields', 'depth,note_id,body')
    expect(stdout).toBe('depth,note_id,body\n0,1,a\n1,3,c\n2,4,d\n0,2,b\n')
    expect(JSON.parse((await thread('--json')).stdout)).toHaveLength(4)
  })

  test('says what the limit leaves out; what is answered may be among it', async () => {
    await say({ body: 'a' }, { body: 'b', answers: 1 }, { body: 'c', answers: 2 })
    const { stdout, stderr } = await thread('--limit', '2')
    expect(stdout).toContain('(answers one that is not shown)\n│  b\n└─ ann')
    expect(stderr).toBe('Only the last 2 notes are shown; --limit shows more\n')
  })

  test('follows a long exchange without a stack, and ends where answers go round', async () => {
    await garden.db.execute(
      raw(`INSERT INTO garden.notes (talk_id, answers_id, author, kind, body, created_at)
           SELECT 7, nullif(n - 1, 0), 'ann', 'text', n::text, timestamptz '2026-11-01Z' + n * interval '1 s'
           FROM generate_series(1, 5000) AS n`),
    )
    const rows = JSON.parse((await thread('--limit', '10000', '--json')).stdout)
    expect(rows.at(-1)).toMatchObject({ depth: 4999, body: '5000' })
    const { stdout } = await thread('--limit', '10000')
    expect(stdout.length).toBeLessThan(5000 * 2 * 200)
    await plant(garden, [])
    await say({ body: 'a', answers: 2 }, { body: 'b', answers: 1 }, { body: 'c', answers: 3 })
    expect(JSON.parse((await thread('--json')).stdout).map((row: { depth: number }) => row.depth)).toEqual([0, 0, 1])
  })

  test('says that there is no such conversation, or that it cannot be one', async () => {
    expect(await thread()).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('no notes with the talk_id 7'),
    })
    expect(await garden.run(['note', 'thread', 'x'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('<talk-id> must be a whole number'),
    })
  })
})
