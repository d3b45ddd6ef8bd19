import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { diffTexts } from '../../src/crud/text-diff.ts'
import { sql } from '../../src/model/sql.ts'
import { createGarden, type Garden, plant } from './garden-support.ts'

vi.mock('../../src/systems/registry.ts', async () => (await import('./garden.ts')).gardenRegistry)

let garden: Garden
beforeAll(async () => {
  garden = await createGarden()
})
afterAll(() => garden.database.drop())

interface Version {
  readonly title: string
  readonly body: string
  readonly facts?: unknown
}

/** Page 1 as it is, and the versions before it; those that are kept do not hold the present one. */
async function write(present: Version, ...before: readonly Version[]): Promise<void> {
  await plant(garden, [])
  const json = ({ facts = null }: Version) => (facts === null ? null : JSON.stringify(facts))
  await garden.db.execute(sql`
    INSERT INTO garden.pages (version, title, body, facts)
    VALUES (${before.length + 1}, ${present.title}, ${present.body}, ${json(present)}::jsonb)`)
  for (const [index, version] of before.entries()) await keep(index + 1, version)
}

function keep(number: number, { title, body, facts = null }: Version) {
  return garden.db.execute(sql`
    INSERT INTO garden.page_versions (page_id, version, title, body, facts)
    VALUES (1, ${number}, ${title}, ${body}, ${facts === null ? null : JSON.stringify(facts)}::jsonb)`)
}

const first: Version = { title: 'Beds', body: 'one\ntwo\nthree\n' }
const second: Version = { title: 'Beds', body: 'one\nTWO\nthree\n', facts: { size: 1 } }
const third: Version = { title: 'Raised beds', body: 'one\nTWO\nthree\n--- four', facts: { size: 2 } }

describe('versions', () => {
  beforeEach(() => write(third, first, second))
  const list = (...argv: string[]) => garden.run(['page', 'versions', '1', ...argv])

  test('lists them, the present one first', async () => {
    const { stdout } = await list('--fields', 'version,is_current,title', '-o', 'csv')
    expect(stdout).toBe('version,is_current,title\n3,true,Raised beds\n2,false,Beds\n1,false,Beds\n')
    expect((await list()).stdout).toMatch(/VERSION +CURRENT +TITLE +CREATED AT\n +3 +true +Raised beds/)
    expect(JSON.parse((await list('--json')).stdout)[0]).toMatchObject({ version: 3, page_id: 1, body: third.body })
  })

  test('lists the present one once where it is kept as well, and says what a limit leaves out', async () => {
    await keep(3, third)
    const { stdout, stderr } = await list('--limit', '2', '-o', 'csv', '--fields', 'version,is_current')
    expect(stdout).toBe('version,is_current\n3,true\n2,false\n')
    expect(stderr).toBe('Only the last 2 are shown; --limit shows more\n')
    expect(await garden.run(['page', 'versions', '9'])).toMatchObject({ exitCode: 4 })
  })
})

describe('diff', () => {
  beforeEach(() => write(third, first, second))
  const diff = (...argv: string[]) => garden.run(['page', 'diff', '1', ...argv])

  test('shows the last change: texts with lines as a unified diff, everything else before and after', async () => {
    const { exitCode, stdout } = await diff()
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      [
        'title: Beds → Raised beds',
        'facts: {"size":1} → {"size":2}',
        '--- body\tversion 2',
        '+++ body\tversion 3',
        '@@ -1,3 +1,4 @@',
        ' one',
        ' TWO',
        ' three',
        '+--- four',
        '\\ No newline at end of file',
        '',
      ].join('\n'),
    )
  })

  test('compares the versions that are named, either way round', async () => {
    const between = await diff('--from', '1', '--to', '2')
    expect(between.stdout).toContain('facts: none → {"size":1}\n')
    expect(between.stdout).toContain('-two\n+TWO\n')
    expect((await diff('--to', '2')).stdout).toBe(between.stdout)
    expect((await diff('--from', '1')).stdout).toContain('title: Beds → Raised beds')
    expect((await diff('--from', '3', '--to', '1')).stdout).toContain('-TWO\n+two\n')
    const same = await diff('--from', '2', '--to', '2')
    expect(same).toMatchObject({ exitCode: 0, stdout: '', stderr: 'Versions 2 and 2 do not differ.\n' })
  })

  test('gives programs both texts and the patch', async () => {
    const value = JSON.parse((await diff('--from', '1', '--json')).stdout)
    expect(value).toMatchObject({ from: 1, to: 3 })
    expect(value.fields.map((field: { field: string }) => field.field)).toEqual(['title', 'body', 'facts'])
    expect(value.fields[1]).toMatchObject({
      before: first.body,
      after: third.body,
      patch: expect.stringMatching(/^--- body\tversion 1\n\+\+\+ body\tversion 3\n@@/),
    })
    expect(value.fields[2]).toEqual({ field: 'facts', before: null, after: { size: 2 }, patch: null })
  })

  test('colours what went and came on a terminal, and shows nothing raw there', async () => {
    await write({ title: 'T', body: 'a\n-- gone\n' }, { title: 'T', body: 'a\n-- here\x1b[2J\n' })
    const { stdout } = await garden.run(['page', 'diff', '1'], {
      tty: { stdout: true },
      env: { DATABASE_URL: garden.database.url, TERM: 'xterm-256color' },
    })
    expect(stdout).toContain('\x1b[31m--- here\\e[2J')
    expect(stdout).toContain('\x1b[32m+-- gone')
    expect(stdout).toContain('\x1b[1m--- body')
    expect(stdout).not.toContain('\x1b[2J')
  })

  test('names the versions there are', async () => {
    expect(await diff('--from', '7')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/page 1 has no version 7[\s\S]*3, 2, 1/),
    })
    expect(await diff('--to', '1')).toMatchObject({ exitCode: 4 })
    await write(first)
    expect(await diff()).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('It never changed') })
    expect(await garden.run(['page', 'diff', '9'])).toMatchObject({ exitCode: 4 })
  })
})

test('two long texts with nothing in common are compared all the same', () => {
  const lines = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}\n`).join('')
  const texts = { name: 'body', before: lines('old'), after: lines('new') }
  const patch = diffTexts(texts, 'version 1', 'version 2', 100)
  expect(patch).toContain('@@ -1,20000 +1,20000 @@\n-old 0\n')
  expect(patch?.split('\n').filter((line) => line.startsWith('+new'))).toHaveLength(20_000)
})
