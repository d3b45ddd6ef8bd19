import { describe, expect, it } from 'vitest'
import { columns, list, shownBy } from './sample.ts'

describe('--fields', () => {
  it('picks and orders the columns', async () => {
    const { out } = await shownBy(list, { format: 'csv', fields: ['status', 'task_id', 'status'] })
    expect(out.split('\n')[0]).toBe('status,task_id')
  })

  it('names every field that cannot be shown, near misses and secrets, before anything is printed', async () => {
    await expect(shownBy(list, { fields: ['task_id', 'staus', 'totp', 'nonsense'] })).rejects.toMatchObject({
      exitCode: 2,
      code: 'unknown-field',
      message: '3 fields cannot be shown',
      hint: 'Fields: task_id, status, goal, size_bytes, credits, sequence, payload, tags, created_at',
      problems: [
        { where: '--fields', reason: 'there is no field staus; did you mean status?' },
        { where: '--fields', reason: 'totp is secret; add --reveal totp to see it' },
        { where: '--fields', reason: 'there is no field nonsense' },
      ],
    })
  })
})

describe('after a change', () => {
  it('a wrong choice of fields is a warning: the deed is done', async () => {
    const view = { shape: 'record', columns: [{ key: 'task_id', kind: 'text' }], row: { task_id: 'tsk_1' } } as const
    expect(await shownBy(view, { format: 'csv', fields: ['id'], changed: true })).toEqual({
      out: '',
      err:
        'warning: A field cannot be shown; everything is shown here instead\n' +
        '  there is no field id\ntask id  tsk_1\n',
    })
  })
})

describe('a secret column', () => {
  it.each(['table', 'json', 'ndjson', 'csv', 'tsv', 'yaml', 'md'] as const)('is left out of %s', async (format) => {
    const view = { shape: 'table', columns, rows: [{ totp: 'JBSWY3DP' }] } as const
    expect((await shownBy(view, { format })).out).not.toMatch(/totp|JBSWY3DP/i)
    expect((await shownBy(view, { format, reveal: ['totp'] })).out).toContain('JBSWY3DP')
  })

  it('is shown in the short table too, once revealed', async () => {
    expect((await shownBy(list, { reveal: ['totp'] })).out.split('\n')[0]).toMatch(/CREATED AT\s+TOTP$/)
  })
})
