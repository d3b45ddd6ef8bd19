import process from 'node:process'
import { expect, test } from 'vitest'
import { runProgram } from '../../src/server/program.ts'

test.skipIf(process.platform === 'win32')(
  'a program is out of reach of the Ctrl-C that is meant for Steward',
  async () => {
    const { stdout } = await runProgram('/bin/sh', ['-c', 'ps -o pgid= -p $$; echo $$'])
    const [group, own] = stdout.trim().split(/\s+/)
    expect(group).toBe(own)
  },
)
