import { appendFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { logLines } from '../../src/server/logs.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = []
  for await (const line of lines) collected.push(line)
  return collected
}

describe('the last lines of a log', () => {
  const file = join(scratch, 'server.log')

  test('are the last ones, however long', async () => {
    const long = 'x'.repeat(100_000)
    await writeFile(file, `one\ntwo\n${long}\nfour\n`)
    expect(await all(logLines(file, { lines: 2 }))).toEqual([long, 'four'])
    expect(await all(logLines(file, { lines: 4 }))).toEqual(['one', 'two', long, 'four'])
    expect(await all(logLines(file, { lines: 40 }))).toEqual(['one', 'two', long, 'four'])
    expect(await all(logLines(file, { lines: 0 }))).toEqual([])
  })

  test('include one that is not finished, and empty ones', async () => {
    await writeFile(file, 'one\n\nthree')
    expect(await all(logLines(file, { lines: 10 }))).toEqual(['one', '', 'three'])
  })

  test('of no log are none', async () => {
    expect(await all(logLines(join(scratch, 'absent.log'), { lines: 10 }))).toEqual([])
  })
})

test('following goes on with new lines, across a replaced file, until it is stopped', async () => {
  const file = join(scratch, 'followed.log')
  await writeFile(file, 'old\nlast\n')
  const stop = new AbortController()
  const lines = logLines(file, { lines: 1, follow: true, signal: stop.signal })
  const next = async () => (await lines.next()).value
  expect(await next()).toBe('last')
  await appendFile(file, 'ap')
  await appendFile(file, 'pended\nunfinished')
  expect(await next()).toBe('appended')
  await rename(file, `${file}.1`)
  await writeFile(file, 'fresh\n')
  expect(await next()).toBe('fresh')
  stop.abort()
  expect((await lines.next()).done).toBe(true)
})
