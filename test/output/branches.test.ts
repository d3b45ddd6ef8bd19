import { describe, expect, test } from 'vitest'
import { printBranches } from '../../src/output/branches.ts'
import { render } from '../../src/output/render.ts'
import type { Branch, TreeView } from '../../src/output/view.ts'
import { pipe, terminal } from './fake-streams.ts'

const leaf = (text: string, ...branches: Branch[]): Branch => ({ head: [{ text }], branches })
const tree = (...roots: Branch[]): TreeView => ({
  shape: 'tree',
  roots,
  data: { shape: 'table', columns: [{ key: 'name', kind: 'text' }], rows: [{ name: 'a' }] },
})
const sample = tree(
  leaf('a', leaf('b', leaf('c')), { head: [{ text: 'd' }], text: 'one\ntwo', branches: [leaf('e')] }),
)

describe('trees', () => {
  test('are drawn with guides, in ASCII where the terminal has no more', async () => {
    const unicode = pipe()
    await printBranches(sample, unicode)
    expect(unicode.recorder.text).toBe('a\n├─ b\n│  └─ c\n└─ d\n   │  one\n   │  two\n   └─ e\n')
    const ascii = pipe({ env: { LANG: 'C' } })
    await printBranches(sample, ascii)
    expect(ascii.recorder.text).toBe('a\n|- b\n|  `- c\n`- d\n   |  one\n   |  two\n   `- e\n')
  })

  test('show the nearest guides only where there is no room for all', async () => {
    let deep = leaf('end')
    for (let level = 0; level < 50; level++) deep = leaf(`level ${50 - level}`, deep)
    const narrow = terminal(40)
    await printBranches(tree(deep), narrow)
    const lines = narrow.recorder.text.trimEnd().split('\n')
    expect(lines).toHaveLength(51)
    expect(lines.at(-1)).toMatch(/^… +└─ end$/)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
  })

  test('escape what could steer a terminal, in heads and in texts', async () => {
    const stream = terminal()
    await printBranches(tree({ head: [{ text: 'a\x1b[2J\nb' }], text: 'c\x07\u202e', branches: [] }), stream)
    expect(stream.recorder.text).toBe('a\\e[2J\\nb\nc\\x07\\u202e\n')
  })

  test('are their data in every other format, and where columns are chosen', async () => {
    const options = { stderr: pipe(), reveal: [], now: new Date(0) }
    const json = pipe()
    await render(sample, { ...options, format: 'json', stdout: json })
    expect(JSON.parse(json.recorder.text)).toEqual([{ name: 'a' }])
    const chosen = pipe()
    await render(sample, { ...options, format: 'table', fields: ['name'], stdout: chosen })
    expect(chosen.recorder.text).toBe('NAME\na\n')
  })

  test('pass rows on as they come where they come as they happen', async () => {
    for (const format of ['ndjson', 'csv', 'tsv', 'yaml', 'json', 'md'] as const) {
      const stdout = pipe()
      async function* rows() {
        yield { name: 'first' }
        // By now the first row is out.
        expect(stdout.recorder.text).toContain('first')
        yield { name: 'second' }
      }
      const view = { shape: 'table', columns: [{ key: 'name', kind: 'text' }], rows: rows(), live: true } as const
      await render(view, { stderr: pipe(), reveal: [], now: new Date(0), format, stdout })
      expect(stdout.recorder.text).toContain('second')
    }
  })
})
