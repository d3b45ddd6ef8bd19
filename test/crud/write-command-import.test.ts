/** `import` and `create --from` from end to end. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { sql } from '../../src/model/sql.ts'
import { until } from '../support/until.ts'
import { type Commands, useCommands } from './write-commands.ts'
import { organization, task } from './write-support.ts'

let database: Commands['database']
let folder: string
let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ database, folder, org, run } = made)
})

describe('import', () => {
  it('writes all or nothing, or keeps going with a file of rejects and exit 7, and is journalled', async () => {
    const csv = `organization_id,url,navigation_goal\n${org},https://x.org,a\n${org},x,b\n${org},https://y.org,c\n`
    await writeFile(join(folder, 'tasks.csv'), csv)
    const refused = await run(['task', 'import', 'tasks.csv'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toMatchInlineSnapshot(`
  "error: 1 of 3 tasks was refused; none was written
    line 3  url  must start with http:// or https://
  hint:  Correct the file, or add --keep-going to write the others
  "
`)
    const kept = await run(['task', 'import', 'tasks.csv', '--keep-going', '--json'])
    expect(kept.exitCode).toBe(7)
    const file = join(folder, 'tasks.csv.rejects.ndjson')
    expect(JSON.parse(kept.stdout)).toEqual({ read: 3, written: 2, rejected: 1, rejects_file: file, dry_run: false })
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ line: 3, row: { url: 'x' } })
    const runs = await database.db.rows(
      sql`SELECT outcome, counts FROM steward.journal WHERE command = 'skyvern task import' ORDER BY run_id`,
    )
    expect(runs).toEqual([
      { outcome: 'failed', counts: null },
      { outcome: 'partial', counts: { read: 3, rejected: 1, written: 2 } },
    ])
  })

  it('takes back what export wrote, columns that cannot be set left out', async () => {
    const exported = await run(['task', 'export', '--format', 'csv', '--filter', 'navigation_goal=c'])
    const ignore = 'task_id,status,created_at,modified_at,completed_at,extracted_information,failure_reason'
    const plain = await run(['task', 'import', '-'], { stdin: exported.stdout })
    expect(plain.stderr).toContain('--ignore')
    const back = await run(['task', 'import', '-', '--ignore', ignore, '--json'], { stdin: exported.stdout })
    expect(JSON.parse(back.stdout)).toMatchObject({ read: 1, written: 1 })
  })

  it('says once which fields of an export cannot be set, and how they are left out', async () => {
    const own = await organization(database.db)
    for (let index = 0; index < 3; index++) await task(database.db, own)
    const exported = await run(['task', 'export', '--format', 'ndjson', '--organization-id', own])
    const refused = await run(['task', 'import', '-'], { stdin: exported.stdout })
    expect([refused.exitCode, refused.stdout]).toEqual([5, ''])
    expect(refused.stderr).toContain('error: 3 of 3 tasks were refused; none was written')
    expect(refused.stderr.match(/ created_at /g)).toHaveLength(1)
    const ignore = /leave these out with --ignore (\S+)\n/.exec(refused.stderr)?.[1] ?? ''
    expect(ignore.split(',')).toEqual(expect.arrayContaining(['task_id', 'status', 'created_at', 'modified_at']))
    const part = await run(['task', 'import', '-', '--ignore', 'task_id'], { stdin: exported.stdout })
    expect(part.stderr).toContain(`--ignore task_id,${ignore.replace('task_id,', '')}`)
    const kept = await run(['task', 'import', '-', '--keep-going'], { stdin: exported.stdout })
    expect([kept.exitCode, kept.stderr]).toEqual([7, expect.stringContaining(`--ignore ${ignore}\n`)])
    const back = await run(['task', 'import', '-', '--ignore', ignore, '--json'], { stdin: exported.stdout })
    expect(JSON.parse(back.stdout)).toMatchObject({ read: 3, written: 3 })
  })

  it('speaks of one row as of one', async () => {
    const { exitCode, stderr } = await run(['task', 'import', '-'], { stdin: '{}' })
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('error: The only row was refused; nothing was')])
    expect(stderr).not.toContain('--keep-going')
  })

  it('says what is wrong with the file itself', async () => {
    expect((await run(['task', 'import', 'none.csv'])).exitCode).toBe(2)
    expect((await run(['task', 'import', '.'])).stderr).toContain('is a folder')
  })

  it('journals the rows of a file, whichever verb reads them, and no rehearsal', async () => {
    const file = join(folder, 'journalled.ndjson')
    const row = { organization_id: org, url: 'https://example.org', navigation_goal: 'Go' }
    await writeFile(file, `${JSON.stringify(row)}\n`)
    for (const verb of [['import'], ['create', '--from']]) {
      await run(['task', ...verb, file, '--dry-run'])
      expect((await run(['task', ...verb, file])).exitCode).toBe(0)
    }
    const runs = await database.db.rows(
      sql`SELECT command, outcome, counts FROM steward.journal WHERE arguments @> ${JSON.stringify([file])}::jsonb ORDER BY run_id`,
    )
    const counts = { read: 1, written: 1, rejected: 0 }
    expect(runs).toEqual([
      { command: 'skyvern task import', outcome: 'done', counts },
      { command: 'skyvern task create', outcome: 'done', counts },
    ])
  })

  it('says up to which line rows are written when the connection is lost', async () => {
    const own = await organization(database.db)
    const row = JSON.stringify({ organization_id: own, url: 'https://example.org', navigation_goal: 'Go' })
    const stored = async () =>
      (await database.db.rows(sql`SELECT FROM skyvern.tasks WHERE organization_id = ${own}`)).length
    let cut: Promise<void> | undefined
    // While a batch is in flight: a connection that has nothing to do is replaced by another.
    const cutOff = (held: () => void) =>
      database.db.transaction(async (tx) => {
        await tx.execute(sql`LOCK TABLE skyvern.tasks IN SHARE MODE`)
        held()
        await until('the import waits for the table', async () => {
          const { rows } = await tx.one<{ rows: bigint }>(sql`
            SELECT count(pg_terminate_backend(pid)) AS rows
            FROM pg_stat_activity
            WHERE datname = current_database()
              AND application_name = 'steward:skyvern task import'
              AND wait_event_type = 'Lock'`)
          return rows > 0n
        })
      })
    async function* rows() {
      yield `${row}\n`.repeat(10)
      await until('ten are stored', async () => (await stored()) >= 10)
      await new Promise<void>((resolve) => {
        cut = cutOff(resolve)
      })
      yield `${row}\n`.repeat(10)
    }
    const given = ['task', 'import', '-', '--keep-going', '--batch-size', '5', '--rejects', 'lost.ndjson']
    const { exitCode, stderr } = await run(given, { stdin: Readable.from(rows()) })
    await cut
    expect(exitCode).toBe(6)
    const said = /Failed: the rows up to the one on line (\d+) are dealt with, those after it may not be\./.exec(
      stderr,
    )
    expect(Number(said?.[1])).toBeGreaterThanOrEqual(5)
    expect(await stored()).toBeGreaterThanOrEqual(Number(said?.[1]))
  })

  it('makes sure that rejects can be written before it writes a row', async () => {
    const file = join(folder, 'mixed.ndjson')
    const row = JSON.stringify({ organization_id: org, url: 'https://kept.example', navigation_goal: 'Go' })
    await writeFile(file, `${row}\n{}\n`)
    await mkdir(join(folder, 'a-folder'))
    for (const [rejects, why] of [
      ['mixed.ndjson', 'it is the file that is read'],
      ['nowhere/x', 'its folder is not there or may not be written to'],
      ['a-folder', 'it is a folder'],
    ] as const) {
      for (const verb of [
        ['import', file],
        ['create', '--from', file],
      ]) {
        const { exitCode, stderr } = await run(['task', ...verb, '--keep-going', '--rejects', rejects])
        expect([exitCode, stderr]).toEqual([2, expect.stringContaining(why)])
      }
    }
    expect(await readFile(file, 'utf8')).toContain('kept.example')
    expect((await run(['task', 'count', '--search', 'kept.example', '--json'])).stdout).toContain('"count": 0')
  })
})
