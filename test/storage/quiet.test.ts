import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { bundleProgram } from '../support/bundle.ts'
import { startS3 } from '../support/s3.ts'

test('the SDK does not talk to the user, and lets the process end', async () => {
  const [s3, program] = await Promise.all([
    startS3({ buckets: ['artifacts'] }),
    bundleProgram(join(import.meta.dirname, 'quiet-child.ts')),
  ])
  try {
    const env = { PATH: process.env.PATH, ...s3.env }
    const ended = await promisify(execFile)(process.execPath, [program.path, s3.endpoint], { env })
    expect(ended).toEqual({ stdout: 'none\n', stderr: '' })
  } finally {
    await Promise.all([s3.stop(), program.remove()])
  }
})
