import { createHash } from 'node:crypto'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { png } from '../../seeds/skyvern/files/png.ts'
import { skyvernSeeds } from '../../seeds/skyvern/index.ts'
import { WORKFLOWS } from '../../seeds/skyvern/words/workflows.ts'
import { encodeRows } from '../../src/seeds/copy-text.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { exponential, LongTail } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { UNTIL } from './support.ts'

const parameters = { size: 2900, seed: 1, until: Date.parse(UNTIL) * 1000, artifactRoot: 'file:///store/skyvern' }

function rowsOf(size: number): Map<string, SeedRow[]> {
  const plan = skyvernSeeds.plan({ ...parameters, size })
  const rows = new Map<string, SeedRow[]>()
  for (let index = 0; index < plan.parts; index++) {
    for (const load of plan.part(index).loads) {
      rows.set(load.table.table, [...(rows.get(load.table.table) ?? []), ...load.rows()])
    }
  }
  return rows
}

function digest(part: ReturnType<ReturnType<typeof skyvernSeeds.plan>['part']>): string {
  const hash = createHash('sha256')
  for (const { rows } of part.loads) for (const chunk of encodeRows(rows(), () => {})) hash.update(chunk)
  return hash.digest('hex')
}

function column(table: string, rows: Map<string, SeedRow[]>, name: string) {
  const index = skyvernSeeds.tables.find((one) => one.table === table)?.columns.indexOf(name) ?? -1
  return (rows.get(table) ?? []).map((row) => row[index])
}

describe('seed data', () => {
  const rows = rowsOf(parameters.size)

  it('is the same on every machine: this digest changes only when the generator is changed on purpose', () => {
    const plan = skyvernSeeds.plan({ ...parameters, size: 60 })
    const parts = Array.from({ length: plan.parts }, (_, index) => digest(plan.part(index)))
    expect(createHash('sha256').update(parts.join()).digest('hex')).toMatchInlineSnapshot(
      `"a5f27c4dfa736efd9fe98768e197bc7fc5a52170ac816c293a2d73dd6b166dee"`,
    )
  })

  it('gives a part the same rows whatever was made before it', () => {
    const [forwards, alone] = [skyvernSeeds.plan(parameters), skyvernSeeds.plan(parameters)]
    const inOrder = Array.from({ length: forwards.parts }, (_, index) => digest(forwards.part(index)))
    expect(digest(alone.part(2))).toBe(inOrder[2])
  })

  it('has unique ids of the platform’s form, in the order of time', () => {
    for (const { table, ids: kind } of skyvernSeeds.tables) {
      const idPrefix = kind.kind === 'prefixed' ? kind.prefix : ''
      const ids = (rows.get(table) ?? []).map(([id]) => String(id))
      expect(new Set(ids).size, table).toBe(ids.length)
      expect(ids.filter((id) => !new RegExp(`^${idPrefix}_[0-9]{17,19}$`).test(id))).toEqual([])
    }
    const tasks = column('tasks', rows, 'task_id').map((id) => BigInt(String(id).slice(4)))
    const seconds = tasks.map((id) => id >> 32n)
    expect(seconds).toEqual(seconds.toSorted((a, b) => Number(a - b)))
    const created = Date.parse(
      `${String(column('tasks', rows, 'created_at')[7])
        .replace(' ', 'T')
        .slice(0, 19)}Z`,
    )
    expect(Number(seconds[7]) + 1_655_683_200).toBe(created / 1000)
  })

  it('has about as many rows as the list of scales says', () => {
    for (const [table, expected] of skyvernSeeds.expectedRows(parameters.size)) {
      if (expected < 1000) continue
      const found = rows.get(table)?.length ?? 0
      expect(Math.abs(found / expected - 1), `${table}: ${found} of ${expected}`).toBeLessThan(
        table === 'browser_sessions' ? 0.2 : 0.05,
      )
    }
  })

  it('has the mix of a real platform: most succeed, few reasons and few organizations dominate', () => {
    const statuses = counted(column('tasks', rows, 'status'))
    const share = (status: string) => (statuses.get(status) ?? 0) / parameters.size
    expect(share('completed')).toBeGreaterThan(0.66)
    expect(share('completed')).toBeLessThan(0.78)
    expect(share('failed')).toBeGreaterThan(0.1)
    expect(share('failed')).toBeLessThan(0.16)

    const reasons = [...counted(column('tasks', rows, 'failure_reason').filter((reason) => reason !== null)).values()]
    const sorted = reasons.toSorted((a, b) => b - a)
    const total = sorted.reduce((sum, count) => sum + count, 0)
    expect(((sorted[0] ?? 0) + (sorted[1] ?? 0) + (sorted[2] ?? 0)) / total).toBeGreaterThan(0.35)

    const organizations = [...counted(column('tasks', rows, 'organization_id')).values()]
    expect(Math.max(...organizations) / parameters.size).toBeGreaterThan(0.2)

    const perTask = column('steps', rows, 'step_id').length / parameters.size
    expect(perTask).toBeGreaterThan(4)
    expect(perTask).toBeLessThan(6)
    const perStep = column('actions', rows, 'action_id').length / column('steps', rows, 'step_id').length
    expect(perStep).toBeGreaterThan(2)
    expect(perStep).toBeLessThan(3)
  })

  it('has durations with a long tail', () => {
    const millis = (value: unknown) => Date.parse(String(value).replace(' ', 'T').replace('+00', 'Z'))
    const created = column('tasks', rows, 'created_at')
    const seconds = column('tasks', rows, 'completed_at')
      .map((end, index) => (end === null ? 0 : (millis(end) - millis(created[index])) / 1000))
      .filter((duration) => duration > 0)
      .toSorted((a, b) => a - b)
    const at = (share: number) => seconds[Math.floor(seconds.length * share)] ?? 0
    expect(at(0.5)).toBeGreaterThan(20)
    expect(at(0.5)).toBeLessThan(180)
    expect(at(0.99) / at(0.5)).toBeGreaterThan(4)
  })

  it('gives each workflow run parameters that its workflow accepts', () => {
    const ajv = new Ajv({ strict: true, allowUnionTypes: true })
    addFormats.default(ajv)
    for (const { title, schema, parameters: make } of WORKFLOWS) {
      const random = new Random(5, title)
      const accepts = schema === null ? () => true : ajv.compile(schema)
      for (let index = 0; index < 50; index++) {
        const made = make(random.at(index))
        expect(accepts(made), `${title}: ${JSON.stringify(made)}`).toBe(true)
      }
    }
  })

  it('has pictures that are PNG', () => {
    const picture = png(new Random(1, 'picture'))
    expect(picture.subarray(0, 8)).toEqual(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]))
    expect(picture.subarray(-12, -4).toString('latin1')).toBe('\0\0\0\0IEND')
  })
})

describe('the pieces', () => {
  it('encodes what COPY treats specially', () => {
    const chunks = [...encodeRows([['a\tb\\c\nd\re', null, 1.5, true, '\\N', '']], () => {})]
    expect(Buffer.concat(chunks).toString()).toBe('a\\tb\\\\c\\nd\\re\t\\N\t1.5\ttrue\t\\\\N\t\n')
  })

  it('makes ids that equal the 64-bit arithmetic', () => {
    const random = new Random(3, 'ids')
    for (let index = 0; index < 2000; index++) {
      const seconds = random.below(2 ** 31)
      const sequence = random.below(2 ** 20)
      const expected = (BigInt(seconds) << 32n) | (2047n << 21n) | (BigInt(sequence) << 1n)
      expect(seedId('x', (1_655_683_200 + seconds) * 1e6, sequence)).toBe(`x_${expected}`)
    }
  })

  it('does without Math.exp, and agrees with it', () => {
    for (const x of [-4, -1, -0.1, 0, 0.5, 1, 3.4]) expect(exponential(x)).toBeCloseTo(Math.exp(x), 8)
  })

  it('draws a lognormal distribution about its median', () => {
    const random = new Random(1, 'tail')
    const tail = new LongTail(100, 0.8)
    const drawn = Array.from({ length: 20_000 }, () => tail.draw(random)).toSorted((a, b) => a - b)
    expect(drawn[10_000]).toBeGreaterThan(97)
    expect(drawn[10_000]).toBeLessThan(103)
    expect(drawn[19_800]).toBeGreaterThan(500)
  })

  it('gives streams and rows numbers of their own', () => {
    const first = new Random(1, 'a').at(7).bits()
    expect(new Random(1, 'a').at(7).bits()).toBe(first)
    expect(
      new Set([
        first,
        new Random(1, 'b').at(7).bits(),
        new Random(2, 'a').at(7).bits(),
        new Random(1, 'a').at(8).bits(),
      ]).size,
    ).toBe(4)
  })
})

function counted(values: readonly unknown[]): Map<unknown, number> {
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
