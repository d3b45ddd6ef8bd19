/** `update` from end to end. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Commands, useCommands } from './write-commands.ts'
import { organization, task } from './write-support.ts'

let database: Commands['database']
let folder: string
let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ database, folder, org, run } = made)
})

describe('update', () => {
  it('shows people what changed, and machines the row with its changes', async () => {
    const id = await task(database.db, org)
    const changed = await run(['task', 'update', id, '--failure-reason', 'Blocked'])
    expect(changed.stdout.replaceAll(id, 'tsk_1')).toMatchInlineSnapshot(`
      "task tsk_1

      FIELD           BEFORE  AFTER
      failure_reason  –       Blocked
      "
    `)
    const same = await run(['task', 'update', id, '--failure-reason', 'Blocked'])
    expect([same.exitCode, same.stderr]).toEqual([0, 'Nothing changed.\n'])
    const cleared = await run(['task', 'update', id, '--clear', 'failure-reason', '--json'])
    expect(JSON.parse(cleared.stdout)).toMatchObject({
      failure_reason: null,
      changes: [{ field: 'failure_reason', before: 'Blocked', after: null }],
    })
    const status = await run(['task', 'update', id, '--status', 'failed'])
    expect([status.exitCode, status.stderr]).toEqual([5, expect.stringContaining('is changed by task queue')])
    expect((await run(['task', 'update', id])).exitCode).toBe(2)
    expect((await run(['task', 'update', id, '--edit'])).exitCode).toBe(2)
    expect((await run(['task', 'update', 'tsk_404', '--failure-reason', 'x'])).exitCode).toBe(4)
  })

  it('names each problem of an edited text on a line of its own', async () => {
    const editor = join(folder, 'spoiling-editor.sh')
    await writeFile(editor, '#!/bin/sh\nprintf "max_steps_per_run: 0\\nbogus: 1\\n" > "$1"\n', { mode: 0o755 })
    const edit = { env: { DATABASE_URL: database.url, EDITOR: editor }, tty: { stdin: true, stderr: true } }
    // Nobody answers whether to edit again.
    const { stderr } = await run(['organization', 'update', org, '--edit'], edit)
    expect(stripVTControlCharacters(stderr)).toContain(
      [
        'warning: 2 problems with this organization',
        'warning: max_steps_per_run must be at least 1',
        'warning: bogus is not a field of organization\n',
      ].join('\n'),
    )
  })

  it('opens the fields in an editor', async () => {
    const own = await organization(database.db, { domain: 'old.example' })
    const editor = join(folder, 'editor.sh')
    await writeFile(editor, '#!/bin/sh\nsed -i "s/^domain: .*/domain: new.example/; /^max_steps/d" "$1"\n', {
      mode: 0o755,
    })
    const edit = { env: { DATABASE_URL: database.url, EDITOR: editor }, tty: { stdin: true, stderr: true } }
    const { exitCode, stdout } = await run(['organization', 'update', own, '--edit', '--json'], edit)
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout).changes).toEqual([{ field: 'domain', before: 'old.example', after: 'new.example' }])
  })
})
