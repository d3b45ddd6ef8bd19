import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { rejectFile } from '../../src/crud/rejects.ts'

it('writes any number of rejects without a warning of the runtime', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steward-rejects-'))
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  try {
    const path = join(folder, 'rows.rejects.ndjson')
    const rejects = rejectFile(path)
    for (let line = 1; line <= 20; line++) {
      // Larger than the buffer of the stream, so that each one waits for it.
      await rejects.add({
        line,
        problems: [{ where: 'text', reason: 'is long' }],
        row: { text: 'x'.repeat(100_000) },
      })
    }
    expect(await rejects.close()).toBe(20)
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(20)
    await setImmediate()
    expect(warnings).toEqual([])
  } finally {
    process.off('warning', listen)
    await rm(folder, { recursive: true, force: true })
  }
})
