import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { InterruptedError } from '../../src/errors.ts'
import { createUi, type UiOptions } from '../../src/output/ui.ts'
import { FakeKeyboard, pipe, type Recorded, terminal } from './fake-streams.ts'

function conversation(options: Partial<Omit<UiOptions, 'stderr'>> & { readonly stderr?: Recorded } = {}) {
  const stdin = new FakeKeyboard()
  const stderr = options.stderr ?? terminal()
  const ui = createUi({
    stdin,
    env: {},
    noInput: false,
    quiet: false,
    verbose: false,
    now: () => new Date(0),
    ...options,
    stderr,
  })
  return {
    ui,
    stdin,
    said: () => stderr.recorder.text,
    /** Types once the question is on the screen. */
    async type(keys: string, after: string) {
      for (let tries = 0; !stderr.recorder.text.includes(after); tries++) {
        if (tries > 300) throw new Error(`never asked ${after}: ${stderr.recorder.text}`)
        await sleep(10)
      }
      await sleep(20)
      stdin.write(keys)
    },
  }
}

describe('notes', () => {
  it('say what their level lets through, escaped', () => {
    const { ui, said } = conversation()
    ui.note('note \x1b[2J')
    ui.warn('careful')
    ui.detail('detail')
    expect(said()).toBe('note \\e[2J\nwarning: careful\n')
    const quiet = conversation({ quiet: true, verbose: true })
    quiet.ui.note('note')
    quiet.ui.warn('careful')
    quiet.ui.detail('detail')
    expect(quiet.said()).toBe('warning: careful\ndetail\n')
  })
})

describe('without a terminal', () => {
  const cases: [string, ReturnType<typeof conversation>][] = [
    ['stderr is a pipe', conversation({ stderr: pipe() })],
    ['--no-input', conversation({ noInput: true })],
    ['TERM=dumb', conversation({ stderr: terminal(80, { env: { TERM: 'dumb' } }) })],
  ]
  it.each(cases)('nothing is asked: %s', async (_, { ui, said }) => {
    expect(ui.interactive).toBe(false)
    await expect(ui.confirm('Delete?')).rejects.toMatchObject({ exitCode: 2, code: 'confirmation-needed' })
    await expect(ui.input('Name')).rejects.toMatchObject({ exitCode: 2, code: 'input-needed' })
    await expect(ui.secret('Password')).rejects.toMatchObject({ code: 'input-needed' })
    await expect(ui.select('Which', [{ value: 'a' }])).rejects.toMatchObject({ code: 'input-needed' })
    await expect(ui.edit('text', 'json')).rejects.toMatchObject({ code: 'input-needed' })
    expect(said()).toBe('')
  })
})

describe('on a terminal', () => {
  it('asks yes or no, and takes no for the default', async () => {
    const { ui, type } = conversation()
    const yes = ui.confirm('Delete 3 tasks?')
    await type('y\r', 'Delete 3 tasks?')
    expect(await yes).toBe(true)
    const other = conversation()
    const no = other.ui.confirm('Delete 3 tasks?')
    await other.type('\r', 'Delete 3 tasks?')
    expect(await no).toBe(false)
  })

  it('takes a text, telling what is wrong with it', async () => {
    const { ui, type } = conversation()
    const answer = ui.input('URL', {
      initial: 'ftp://x',
      validate: (text) => text.startsWith('http') || 'must be http',
    })
    await type('\r', 'ftp://x')
    await type('http://y\r', 'must be http')
    expect(await answer).toBe('http://y')
  })

  it('never shows a secret', async () => {
    const { ui, type, said } = conversation()
    const answer = ui.secret('Password')
    await type('hunter2\r', 'Password')
    expect(await answer).toBe('hunter2')
    expect(said()).not.toContain('hunter2')
  })

  it('offers choices', async () => {
    const { ui, type, said } = conversation()
    const answer = ui.select('Scale', [{ value: 'demo', name: 'demo (12 rows)' }, { value: 'small' }], 'demo')
    await type('\x1b[B\r', 'demo (12 rows)')
    expect(await answer).toBe('small')
    expect(said()).toContain('\x1b[?25h')
  })

  it('asks several questions in a row', async () => {
    const { ui, type } = conversation()
    const first = ui.input('First')
    await type('a\r', 'First')
    expect(await first).toBe('a')
    const second = ui.input('Second')
    await type('b\r', 'Second')
    expect(await second).toBe('b')
  })

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('%s interrupts, with the terminal as it was', async (_, key) => {
    const { ui, stdin, type, said } = conversation()
    const answer = ui.input('Name')
    const failed = expect(answer).rejects.toMatchObject({ exitCode: 130, code: 'interrupted' })
    await type(key, 'Name')
    await failed
    expect(stdin.rawMode).toBe(false)
    expect(said().lastIndexOf('\x1b[?25h')).toBeGreaterThan(said().lastIndexOf('\x1b[?25l'))
  })

  it('ends an open question when the run is stopped', async () => {
    const stopping = new AbortController()
    const { ui, type } = conversation({ signal: stopping.signal })
    const failed = expect(ui.confirm('Go on?')).rejects.toMatchObject({ exitCode: 143 })
    await type('', 'Go on?')
    stopping.abort(new InterruptedError('SIGTERM'))
    await failed
  })
})

describe('the editor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steward-test-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  function editor(script: string): string {
    const file = join(folder, `editor-${readdirSync(folder).length}.sh`)
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return file
  }

  it('opens VISUAL with its own arguments on a private file, and removes it', async () => {
    const log = join(folder, 'log')
    const VISUAL = `${editor(`stat -c %a "$2" >> ${log}; echo "$1 $2" >> ${log}; echo edited >> "$2"`)} --wait`
    const { ui } = conversation({ env: { VISUAL, EDITOR: 'false', PATH: process.env.PATH } })
    expect(await ui.edit('text\n', 'yaml')).toBe('text\nedited\n')
    const { readFileSync, existsSync } = await import('node:fs')
    const [mode, line = ''] = readFileSync(log, 'utf8').split('\n')
    expect(mode).toBe('600')
    expect(line).toMatch(/^--wait .*\.yaml$/)
    expect(existsSync(line.slice('--wait '.length))).toBe(false)
  })

  it('changes nothing when it fails', async () => {
    const { ui } = conversation({ env: { EDITOR: editor('exit 3'), PATH: process.env.PATH } })
    await expect(ui.edit('text', 'json')).rejects.toMatchObject({ exitCode: 6, code: 'editor-failed' })
  })
})
