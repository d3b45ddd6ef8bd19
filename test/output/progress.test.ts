import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createProgress, progressText } from '../../src/output/progress.ts'
import { pipe, type Recorded, terminal } from './fake-streams.ts'

const rows = { label: 'seeding tasks', unit: 'rows', done: 0, total: 100_000 } as const

describe('the text', () => {
  it.each([
    [{ ...rows }, 0, 'seeding tasks  0 / 100,000 rows (0%)'],
    [{ ...rows, done: 25_000 }, 1000, 'seeding tasks  25,000 / 100,000 rows (25%)  25,000 rows/s  3 s left'],
    [{ ...rows, done: 99_999 }, 1000, 'seeding tasks  99,999 / 100,000 rows (99%)  99,999 rows/s  1 s left'],
    [{ ...rows, done: 100_000 }, 2000, 'seeding tasks  100,000 / 100,000 rows (100%)  50,000 rows/s'],
    [{ label: 'copying', unit: 'bytes', done: 5_242_880 }, 1000, 'copying  5 MiB  5 MiB/s'],
    [{ label: 'vacuum', unit: 'tables', done: 1, total: 4 }, 60_000, 'vacuum  1 / 4 tables (25%)  3m 00s left'],
    [{ label: 'starting\nthe server', unit: 'steps', done: 0 }, 5000, 'starting\\nthe server'],
    [{ label: 'migrating', unit: 'migrations', done: 0, total: 1 }, 0, 'migrating  0 / 1 migration (0%)'],
  ] as const)('of %j after %i ms is %j', (progress, elapsed, text) => {
    expect(progressText(progress, elapsed, 0)).toBe(text)
  })

  it('counts the speed from where the step began', () => {
    expect(progressText({ ...rows, done: 60_000 }, 1000, 50_000)).toContain('10,000 rows/s  4 s left')
  })
})

describe('the line', () => {
  let stream: Recorded
  let end = () => {}
  afterEach(() => end())

  function start(recorded: Recorded) {
    let now = 0
    const line = createProgress(recorded, () => new Date(now))
    stream = recorded
    end = line.end
    return { ...line, advance: (ms: number) => (now += ms) }
  }

  it('is not there in a pipe, nor on a dumb terminal', async () => {
    for (const quiet of [pipe(), terminal(80, { env: { TERM: 'dumb' } })]) {
      const { report } = start(quiet)
      report(rows)
      await sleep(300)
      end()
      expect(quiet.recorder.text).toBe('')
    }
  })

  it('never appears for what is over at once', async () => {
    const { report } = start(terminal())
    report(rows)
    end()
    await sleep(300)
    expect(stream.recorder.text).toBe('')
  })

  it('spins, is redrawn at most ten times a second, and vanishes with the cursor back', async () => {
    const { report, advance } = start(terminal())
    report(rows)
    await sleep(400)
    advance(1000)
    const before = stream.recorder.text.length
    for (let done = 0; done < 50_000; done += 10) report({ ...rows, done })
    expect(stream.recorder.text).toHaveLength(before)
    await sleep(500)
    const frames = stream.recorder.text.split('seeding tasks').length - 1
    expect(frames).toBeGreaterThan(2)
    expect(frames).toBeLessThan(12)
    expect(stream.recorder.text).toContain('49,990 / 100,000 rows (49%)')
    end()
    expect(stream.recorder.text.endsWith('\x1b[1G\x1b[2K\x1b[?25h')).toBe(true)
  })

  it('is drawn for 80 columns on a terminal that says it has none', async () => {
    const { report } = start(terminal(0))
    report(rows)
    await sleep(350)
    end()
    expect(stream.recorder.text).toContain('seeding tasks')
    expect(stream.recorder.text.length).toBeLessThan(10_000)
  })

  it('has a coloured spinner where there is colour', async () => {
    const { report } = start(terminal(80, { noColor: false, env: { TERM: 'xterm' } }))
    report(rows)
    await sleep(300)
    expect(stream.recorder.text).toContain('\x1b[36m⠋\x1b[39m seeding tasks')
  })

  it('leaves a line for a long step that was finished', async () => {
    const { report, advance } = start(terminal())
    report(rows)
    await sleep(400)
    advance(3200)
    report({ ...rows, done: 100_000 })
    report({ label: 'seeding steps', unit: 'rows', done: 0, total: 10 })
    end()
    expect(stream.recorder.text).toContain('✔ seeding tasks  100,000 rows  3.2 s\n')
    expect(stream.recorder.text).not.toContain('✔ seeding steps')
  })
})
