import { describe, expect, it } from 'vitest'
import { NotFoundError, RefusedError } from '../../src/errors.ts'
import { renderError } from '../../src/output/report-error.ts'
import type { Format } from '../../src/output/view.ts'
import { FakeTerminal, Recorder } from './fake-streams.ts'

function reported(error: unknown, format: Format = 'table', debug = false): string {
  const stream = new Recorder()
  renderError(error, { stream, env: {}, format, debug })
  return stream.text
}

const missing = new NotFoundError({
  code: 'task-not-found',
  message: 'There is no task tsk_1\x1b[2J',
  hint: 'steward skyvern task list shows those there are',
})

const refused = new RefusedError({
  code: 'invalid-input',
  message: '3 problems in tasks.csv',
  hint: 'Correct them, or add --keep-going',
  problems: [
    { where: 'url', line: 3, reason: 'must be an http or https URL' },
    { where: 'navigation_goal', line: 12, reason: 'must not be empty' },
    { where: 'organization_id', line: 12, reason: 'there is no such organization' },
  ],
  details: { file: 'tasks.csv' },
})

describe('for people', () => {
  it('is a line saying what happened and one saying what to do', () => {
    expect(reported(missing)).toBe(
      'error: There is no task tsk_1\\e[2J\nhint:  steward skyvern task list shows those there are\n',
    )
    expect(reported(new NotFoundError({ code: 'x', message: 'Gone' }), 'md')).toBe('error: Gone\n')
  })

  it('lists all problems, aligned', () => {
    expect(reported(refused)).toMatchInlineSnapshot(`
      "error: 3 problems in tasks.csv
         line 3  url              must be an http or https URL
        line 12  navigation_goal  must not be empty
        line 12  organization_id  there is no such organization
      hint:  Correct them, or add --keep-going
      "
    `)
  })

  it('counts problems beyond twenty', () => {
    const problems = Array.from({ length: 1000 }, (_, index) => ({ line: index + 2, reason: 'is wrong' }))
    const lines = reported(new RefusedError({ code: 'invalid-input', message: 'Wrong', problems })).split('\n')
    expect(lines).toHaveLength(23)
    expect(lines[1]).toBe('   line 2  is wrong')
    expect(lines[21]).toBe('  and 980 more; --json lists them all')
  })

  it('is coloured on a terminal only', () => {
    const stream = new FakeTerminal()
    renderError(missing, { stream, env: {}, format: 'table', debug: false })
    expect(stream.text).toContain('\x1b[31merror:\x1b[39m')
    const plain = new FakeTerminal()
    renderError(missing, { stream: plain, env: { NO_COLOR: '1' }, format: 'table', debug: false })
    expect(plain.text).not.toContain('\x1b')
  })
})

describe('for machines', () => {
  it.each(['json', 'ndjson', 'csv', 'tsv', 'yaml'] as const)(
    'is one JSON object on one line with -o %s',
    (format) => {
      const text = reported(refused, format)
      expect(text.split('\n')).toHaveLength(2)
      expect(JSON.parse(text)).toEqual({
        error: {
          code: 'invalid-input',
          exitCode: 5,
          message: '3 problems in tasks.csv',
          hint: 'Correct them, or add --keep-going',
          details: { file: 'tasks.csv', problems: refused.problems },
        },
      })
    },
  )

  it('has every member also without a hint', () => {
    expect(reported(new NotFoundError({ code: 'x', message: 'Gone' }), 'json')).toBe(
      '{"error":{"code":"x","exitCode":4,"message":"Gone","hint":null,"details":{}}}\n',
    )
  })
})

describe('an unexpected error', () => {
  it('is a bug, told without its stack', () => {
    expect(reported(new TypeError('x is not a function'))).toBe(
      'error: Steward failed unexpectedly: x is not a function\n' +
        'hint:  This is a bug in Steward: run it again with --debug and report the command and what it prints\n',
    )
    expect(reported(new AggregateError([]))).toContain('unexpectedly: AggregateError')
    expect(reported('thrown text')).toContain('unexpectedly: thrown text')
    expect(JSON.parse(reported(new Error('x'), 'json')).error).toMatchObject({ code: 'bug', exitCode: 1 })
  })

  it('shows its stack and the causes with --debug, but no text of a cause', () => {
    const cause = Object.assign(new Error('Key (email)=(a@b.c) already exists'), { code: '23505' })
    const text = reported(new RefusedError({ code: 'x', message: 'Refused', cause }), 'table', true)
    expect(text).toMatch(/^error: Refused\nRefusedError x\n {2}at .*report-error\.test/)
    expect(text).toContain('caused by\nError 23505\n  at ')
    expect(text).not.toContain('a@b.c')
  })
})
