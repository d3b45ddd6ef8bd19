import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ImportResult, importRows } from '../../src/crud/import.ts'
import { inputReader } from '../../src/crud/input.ts'
import { rejectFile } from '../../src/crud/rejects.ts'
import { readSource, type SourceRow } from '../../src/crud/source.ts'
import { InterruptedError } from '../../src/errors.ts'
import { sql } from '../../src/model/sql.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { actor, organization, refusal, scopeFor, setStatus, task } from './write-support.ts'

let database: TestDatabase
let folder: string
let organizationId: string
beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'steward-import-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})
beforeEach(async () => {
  organizationId = await organization(database.db)
})

interface Options {
  readonly name?: string
  readonly dryRun?: boolean
  readonly rejects?: string
  readonly entity?: string
  readonly batchSize?: number
  readonly signal?: AbortSignal
}

async function importText(text: string | AsyncIterable<string>, options: Options = {}): Promise<ImportResult> {
  const { name = 'rows', dryRun = false, entity = 'task', batchSize = 500 } = options
  const scope = scopeFor(entity)
  const reader = await inputReader(scope.entity, 'create')
  const source = readSource(Readable.from(typeof text === 'string' ? [Buffer.from(text)] : text), {
    name,
    checkNames: (names) => reader.checkNames(names),
  })
  const rejects = options.rejects === undefined ? undefined : rejectFile(options.rejects)
  const { signal = new AbortController().signal } = options
  const result = await importRows(database.db, scope, source, { reader, actor, dryRun, rejects, signal, batchSize })
  await rejects?.close()
  return result
}

async function tasks(): Promise<Record<string, unknown>[]> {
  return database.db.rows(sql`
    SELECT url, navigation_goal, proxy_location, data_extraction_goal, navigation_payload
    FROM skyvern.tasks WHERE organization_id = ${organizationId} ORDER BY task_id`)
}

function ndjson(...rows: readonly Record<string, unknown>[]): string {
  const base = { organization_id: organizationId, url: 'https://example.org', navigation_goal: 'Look' }
  return rows.map((row) => `${JSON.stringify({ ...base, ...row })}\n`).join('')
}

describe('the forms of a file', () => {
  it('reads CSV as COPY writes it: nothing is NULL, "" is empty, lines and quotes inside cells', async () => {
    const csv = [
      'organization_id,url,navigation_goal,proxy_location,data_extraction_goal,navigation_payload',
      `${organizationId},https://example.org,"Find ""it"",\nthen stop",,"",`,
      `${organizationId},https://example.org/東京,Größe,"DE",x,"{""a"": 12345678901234567890.5}"`,
      '',
    ].join('\n')
    expect(await importText(`\uFEFF${csv}`)).toMatchObject({ read: 2, written: 2, rejected: 0 })
    const [first, second] = await tasks()
    expect(first).toMatchObject({
      navigation_goal: 'Find "it",\nthen stop',
      proxy_location: null,
      data_extraction_goal: '',
      navigation_payload: null,
    })
    expect(second).toMatchObject({ navigation_goal: 'Größe', url: 'https://example.org/東京' })
    expect(String(Object(second?.navigation_payload).a)).toBe('12345678901234567890.5')
  })

  it('reads NDJSON, an array over several lines, and one object over several lines', async () => {
    const row = JSON.parse(ndjson({}))
    expect(await importText(ndjson({}, {}))).toMatchObject({ written: 2 })
    expect(await importText(JSON.stringify([row, row, row], null, 2))).toMatchObject({ written: 3 })
    expect(await importText(JSON.stringify(row, null, 2))).toMatchObject({ written: 1 })
    expect(await importText('[]')).toMatchObject({ read: 0, written: 0 })
    expect(await importText('')).toMatchObject({ read: 0, written: 0 })
  })

  it('refuses a header with unknown columns once, and text that is not UTF-8', async () => {
    const header = await refusal(importText('organization_id,urll,url,url\n', { name: 'tasks.csv' }))
    expect(header.problems).toEqual([
      { where: 'urll', reason: 'is not a field of task (did you mean url?)' },
      { where: 'url', reason: 'stands in the header twice' },
    ])
    const broken = Readable.from([Buffer.from([0x7b, 0xff, 0xfe])])
    const source = readSource(broken, { name: 'tasks.ndjson', checkNames: () => [] })
    await expect(source.next()).rejects.toMatchObject({ code: 'not-utf8', exitCode: 5 })
  })

  it('keeps every row of a CSV before the place where it stops being one', async () => {
    const row = `${organizationId},https://example.org,Look\n`
    const header = 'organization_id,url,navigation_goal\n'
    for (const broken of [
      `${row.trim()}"y\n`,
      `${organizationId},"https://example.org"z,Look\n${row}`,
      '"never closed',
    ]) {
      const rejects = join(folder, 'broken.rejects.ndjson')
      const result = await importText(`${header}${row.repeat(40)}${broken}`, { name: 'tasks.csv', rejects })
      expect(result).toMatchObject({ read: 41, written: 40, rejected: 1 })
      expect(result.problems).toEqual([
        { line: 42, reason: 'is not valid CSV from here on (a quote is out of place)' },
      ])
    }
    const json = await importText('{"url":1}\n', { name: 'tasks.csv' })
    expect(json).toMatchObject({ read: 1, written: 0, rejected: 1 })
  })

  it('refuses a field that is given twice in different spellings', async () => {
    const header = await refusal(importText('url,URL,navigation-goal,navigation_goal\n', { name: 'tasks.csv' }))
    expect(header.problems).toEqual([
      { where: 'url', reason: 'is given twice, in different spellings' },
      { where: 'navigation_goal', reason: 'is given twice, in different spellings' },
    ])
    const { problems } = await importText(ndjson({ URL: 'https://example.com' }))
    expect(problems).toEqual([{ line: 1, where: 'url', reason: 'is given twice, in different spellings' }])
  })

  it('says how to leave out the columns of an export that cannot be imported', async () => {
    const header = await refusal(importText('artifact_id,uri,created_at\n', { name: 'a.csv', entity: 'artifact' }))
    expect(header.error.hint).toBe('Correct the header, or leave these out with --ignore artifact_id,created_at')
  })

  it('refuses JSON that is nested too deep, in a row or as one', async () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    const row = ndjson({ navigation_payload: 0 })
    const { problems } = await importText(
      [row.replace(':0', `:${deep(600)}`), `${deep(100_000)}\n`, row.replace(':0', `:${deep(400)}`)].join(''),
    )
    expect(problems).toEqual([
      { line: 1, reason: 'is nested deeper than 500 levels' },
      { line: 2, reason: 'is nested deeper than 500 levels' },
    ])
    const reader = await inputReader(scopeFor('task').entity, 'create')
    expect(reader.read({ navigation_payload: deep(100_000) }, 'text').problems).toEqual([
      { where: 'navigation_payload', reason: 'must not be nested deeper than 500 levels' },
    ])
  })

  it('goes on after a line that cannot be read, and says which it was', async () => {
    const rows: SourceRow[] = []
    const text = '{"a":1}\n{"a":\n[1]\n\n{"a":2}\n'
    for await (const row of readSource(Readable.from([text]), { name: 'x.ndjson', checkNames: () => [] }))
      rows.push(row)
    expect(rows.map(({ line, problem }) => [line, problem])).toEqual([
      [1, undefined],
      [2, 'is not valid JSON'],
      [3, 'is not a JSON object'],
      [5, undefined],
    ])
  })

  it('says where an array breaks off', async () => {
    const rows: SourceRow[] = []
    for await (const row of readSource(Readable.from(['[\n{"a":1},\n{"a":']), {
      name: 'x.json',
      checkNames: () => [],
    })) {
      rows.push(row)
    }
    expect(rows.map(({ line, problem }) => [line, problem])).toEqual(
      [
        [2, undefined],
        [3, 'the file ends in the middle of a value'],
        [3, 'the file ends before the array is closed'],
      ].slice(0, 2),
    )
  })
})

describe('importing', () => {
  it('writes nothing when a row is refused, and lists every problem with its line', async () => {
    const text = ndjson({}, { url: 'ftp://x' }, { navigation_goal: '' }, { organization_id: 'o_9' }, { tsak: 1 })
    const result = await importText(text)
    expect(result).toMatchObject({ read: 5, written: 0, rejected: 4 })
    expect(result.problems).toEqual([
      { line: 2, where: 'url', reason: 'must start with http:// or https://' },
      { line: 3, where: 'navigation_goal', reason: 'must not be blank' },
      { line: 4, where: 'organization_id', reason: 'names organization o_9, which does not exist' },
      { line: 5, where: 'tsak', reason: 'is not a field of task' },
    ])
    expect(await tasks()).toEqual([])
  })

  it('with rejects writes the good rows and keeps the others with line, problems and row', async () => {
    const rejects = join(folder, 'tasks.rejects.ndjson')
    const text = ndjson({}, { url: 'ftp://x', proxy_location: 'DE' }, {}, { organization_id: 'o_9' }, {})
    const result = await importText(text, { rejects, batchSize: 2 })
    expect(result).toMatchObject({ read: 5, written: 3, rejected: 2 })
    expect(await tasks()).toHaveLength(3)
    const lines = (await readFile(rejects, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual([
      {
        line: 2,
        problems: [{ field: 'url', reason: 'must start with http:// or https://' }],
        row: expect.objectContaining({ url: 'ftp://x', proxy_location: 'DE' }),
      },
      expect.objectContaining({ line: 4 }),
    ])
  })

  it('finds the rows at fault when the database refuses a batch', async () => {
    const { db } = database
    const other = await organization(db)
    const file = join(folder, 'users.rejects.ndjson')
    const users = ['a', 'b', 'a', 'c', 'b', 'd'].map((name) => ({
      organization_id: other,
      email: `${name}@example.org`,
      full_name: name,
    }))
    const result = await importText(users.map((row) => JSON.stringify(row)).join('\n'), {
      entity: 'user',
      rejects: file,
    })
    expect(result).toMatchObject({ written: 4, rejected: 2 })
    expect(result.problems.map(({ line, reason }) => [line, reason])).toEqual([
      [3, expect.stringContaining('another user has')],
      [5, expect.stringContaining('another user has')],
    ])
  })

  it('checks everything in a dry run and leaves nothing behind', async () => {
    const result = await importText(ndjson({}, {}, { organization_id: 'o_9' }), { dryRun: true })
    expect(result).toMatchObject({ read: 3, rejected: 1 })
    const good = await importText(ndjson({}, {}), { dryRun: true })
    expect(good).toMatchObject({ read: 2, written: 2, rejected: 0 })
    expect(await tasks()).toEqual([])
    expect(
      await database.db.rows(sql`SELECT FROM steward.audit_log WHERE after->>'organization_id' = ${organizationId}
                                   AND entity = 'task'`),
    ).toHaveLength(0)
  })

  it('numbers the steps of several tasks in their order, after those there are', async () => {
    const { db } = database
    const [one, two] = [await task(db, organizationId), await task(db, organizationId)]
    const steps = [one, two, one, one].map((task_id) => ({ task_id, step_type: 'action' }))
    await importText(steps.map((row) => JSON.stringify(row)).join('\n'), { entity: 'step' })
    await importText(JSON.stringify({ task_id: one, step_type: 'action' }), { entity: 'step' })
    const orders = (id: string) =>
      db.rows<{ order: number }>(sql`SELECT "order" FROM skyvern.steps WHERE task_id = ${id} ORDER BY "order"`)
    expect((await orders(one)).map(({ order }) => order)).toEqual([1, 2, 3, 4])
    expect((await orders(two)).map(({ order }) => order)).toEqual([1])
  })

  it('records every row in the audit log', async () => {
    await importText(ndjson({}, {}, {}))
    const { count } = await database.db.one<{ count: bigint }>(sql`
      SELECT count(*) AS count FROM steward.audit_log AS a
      JOIN skyvern.tasks AS t ON t.task_id = a.row_id
      WHERE t.organization_id = ${organizationId} AND a.action = 'create' AND a.entity = 'task'`)
    expect(count).toBe(3n)
  })

  it('refuses all rows of an organization at its limit', async () => {
    const { db } = database
    await db.execute(sql`
      UPDATE skyvern.organizations SET settings = '{"max_concurrent_tasks": 1}'
      WHERE organization_id = ${organizationId}`)
    await setStatus(db, scopeFor('task'), await task(db, organizationId), 'queued')
    expect(await importText(ndjson({}, {}))).toMatchObject({ written: 0, rejected: 2 })
  })

  it('ends between two batches when it is asked to stop, and says how far it came', async () => {
    const stopping = new AbortController()
    async function* rows() {
      for (let index = 0; index < 10; index++) {
        if (index === 5) stopping.abort(new InterruptedError('SIGINT'))
        yield ndjson({})
      }
    }
    const result = await importText(rows(), {
      name: 'tasks.ndjson',
      rejects: join(folder, 'none.ndjson'),
      batchSize: 2,
      signal: stopping.signal,
    })
    expect(result.stopped).toMatchObject({ exitCode: 130 })
    expect(await tasks()).toHaveLength(result.written)
    expect(result.lastLine).toBe(result.written)
  })

  it('keeps memory flat', async () => {
    async function* many() {
      for (let index = 0; index < 4000; index++) yield ndjson({ data_extraction_goal: 'x'.repeat(2000) })
    }
    global.gc?.()
    const before = process.memoryUsage().heapUsed
    const result = await importText(many(), { name: 'tasks.ndjson' })
    expect(result.written).toBe(4000)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150 * 2 ** 20)
  })
})

it('keeps a file of rejects for its owner alone', async () => {
  const path = join(folder, 'private.ndjson')
  await writeFile(join(folder, 'unrelated'), '')
  const file = rejectFile(path)
  await file.add({ line: 1, problems: [{ reason: 'x' }], row: { big: 9007199254740993n } })
  expect(await file.close()).toBe(1)
  const { stat } = await import('node:fs/promises')
  expect((await stat(path)).mode & 0o077).toBe(0)
  expect(await readFile(path, 'utf8')).toBe('{"line":1,"problems":[{"reason":"x"}],"row":{"big":9007199254740993}}\n')
})
