import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { withLock } from '../../src/server/lock.ts'
import { openDirectory, scratchDirectory, scratchServer } from './scratch.ts'

const scratch = scratchDirectory()
await openDirectory(scratch)

/** Beyond every system's largest process id. */
const NOBODYS_PID = 2 ** 30

test('several stewards that start at once end with one server', async () => {
  const server = scratchServer(join(scratch, 'server'))
  const started = await Promise.all([1, 2, 3].map(() => server.start()))
  expect(new Set(started.map(({ postmaster }) => postmaster.pid)).size).toBe(1)
  expect(started.filter(({ created }) => created)).toHaveLength(1)
  expect(started.filter((one) => one.started)).toHaveLength(1)
  await Promise.all([server.stop(), server.ensureRunning()])
  await server.ensureRunning()
  expect((await server.status()).state).toBe('running')
})

describe('the lock', () => {
  const file = join(scratch, 'lock')

  test('is held by one at a time', async () => {
    let inside = 0
    const visit = () =>
      withLock(file, async () => {
        inside += 1
        const crowd = inside
        await sleep(5)
        inside -= 1
        return crowd
      })
    expect(await Promise.all([visit(), visit(), visit(), visit()])).toEqual([1, 1, 1, 1])
  })

  test('of a steward that died is taken over, by one of many', async () => {
    await writeFile(file, `${NOBODYS_PID} gone\n`)
    let inside = 0
    let crowd = 0
    const visit = () =>
      withLock(file, async () => {
        crowd = Math.max(crowd, ++inside)
        await sleep(5)
        inside -= 1
      })
    await Promise.all([visit(), visit(), visit(), visit()])
    expect(crowd).toBe(1)
  })

  test('that is held too long is an error that names the holder', async () => {
    await writeFile(file, `${process.pid} busy\n`)
    await expect(withLock(file, async () => {}, 50)).rejects.toMatchObject({
      code: 'server-locked',
      exitCode: 8,
      message: `Another steward (process ${process.pid}) is starting or stopping the server`,
    })
    expect(await readFile(file, 'utf8')).toBe(`${process.pid} busy\n`)
  })
})
