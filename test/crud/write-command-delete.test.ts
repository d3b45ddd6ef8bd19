/** `delete`, `revoke`, and which verbs there are. */
import { describe, expect, it } from 'vitest'
import { type Commands, useCommands } from './write-commands.ts'
import { organization, task } from './write-support.ts'

let database: Commands['database']
let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ database, org, run } = made)
})

describe('delete and revoke', () => {
  it('shows what a delete takes along, then deletes it', async () => {
    const own = await organization(database.db, { organization_name: 'Doomed' })
    await task(database.db, own)
    const plan = await run(['organization', 'delete', own, '--dry-run'])
    expect(plan.stdout).toMatchInlineSnapshot(`
      "What this takes along

      Deleted
      TABLE          ROWS
      organizations     1
      tasks             1
      "
    `)
    expect((await run(['organization', 'delete', own])).exitCode).toBe(2)
    const done = await run(['organization', 'delete', own, '--yes', '--json'])
    expect(JSON.parse(done.stdout)).toMatchObject({
      summary: { deleted: 2, files_due: 0 },
      tables: [
        { table: 'organizations', rows: 1 },
        { table: 'tasks', rows: 1 },
      ],
    })
    expect((await run(['organization', 'delete', own, '--yes'])).exitCode).toBe(4)
  })

  it('revokes keys after a question, once', async () => {
    const key = JSON.parse(
      (await run(['api-key', 'create', '--organization-id', org, '--name', 'CI', '--json'])).stdout,
    ).api_key_id
    expect((await run(['api-key', 'revoke', key])).exitCode).toBe(2)
    const revoked = await run(['api-key', 'revoke', key, '--yes', '--json'])
    expect(JSON.parse(revoked.stdout)).toMatchObject({ valid: false, revoked_at: expect.stringMatching(/Z$/) })
    const again = await run(['api-key', 'revoke', key, '--yes'])
    expect([again.exitCode, again.stderr]).toEqual([
      5,
      expect.stringContaining('is already revoked (valid is false)'),
    ])
  })

  it('offers only what the matrix allows', async () => {
    for (const [entity, verb] of [
      ['step', 'delete'],
      ['action', 'update'],
      ['workflow-run', 'delete'],
      ['organization', 'import'],
      ['api-key', 'import'],
    ]) {
      expect((await run([String(entity), String(verb), 'x'])).exitCode).toBe(2)
    }
  })
})
