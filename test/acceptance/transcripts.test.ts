import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { mismatch, parseTranscript, runShell } from './transcript.ts'

const scripts = join(import.meta.dirname, 'scripts')
const homes: { env: NodeJS.ProcessEnv; home: string }[] = []

describe('acceptance', () => {
  for (const name of readdirSync(scripts).filter((file) => file.endsWith('.txt'))) {
    test(name.replace('.txt', ''), { timeout: 300_000 }, async () => {
      const { env, home } = freshHome()
      for (const step of parseTranscript(readFileSync(join(scripts, name), 'utf8'))) {
        const ran = await runShell(step.command, env, join(home, 'work'))
        expect(mismatch(step, ran)).toBeUndefined()
        if (step.keepAs) env[step.keepAs] = ran.stdout.replace(/\n$/, '')
      }
    })
  }
})

afterAll(async () => {
  for (const { env, home } of homes) {
    await runShell('steward server stop', env, home)
    rmSync(home, { recursive: true, force: true })
  }
})

/** A home with nothing in it, and `steward` on the path. */
function freshHome() {
  const home = mkdtempSync(join(tmpdir(), 'steward-acceptance-'))
  // Root's server runs as another user, who has to reach its data.
  chmodSync(home, 0o755)
  for (const folder of ['bin', 'work', 'data']) mkdirSync(join(home, folder))
  symlinkSync(resolve(import.meta.dirname, '../../bin/steward.js'), join(home, 'bin', 'steward'))
  const env: NodeJS.ProcessEnv = {
    PATH: [join(home, 'bin'), process.env.PATH].join(delimiter),
    HOME: home,
    STEWARD_DATA_HOME: join(home, 'data'),
    LANG: 'C.UTF-8',
  }
  homes.push({ env, home })
  return { env, home }
}
