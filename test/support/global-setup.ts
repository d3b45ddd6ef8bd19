/**
 * The end of the test run's PostgreSQL cluster. Its beginning is lazy (see cluster.ts), so that a run of tests
 * without a database starts none; here its home is named, and it is stopped and deleted however the run ends.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { clusterIn } from './cluster.ts'

/**
 * Outlives this process and reads from it; the end of its input means that this process is gone, by whatever signal.
 * What a regular end has already deleted it does not find.
 */
const GUARDIAN = `
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
if [ -n "$pid" ] && ps -ww -o args= -p "$pid" | grep -qF -- "$1/data"; then
  kill -QUIT "$pid"
  while kill -0 "$pid" 2> /dev/null && ps -o stat= -p "$pid" | grep -qv '^Z'; do sleep 0.1; done
fi
rm -rf -- "$1"
`

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'steward-test-'))
  const guardian = spawn('/bin/sh', ['-c', GUARDIAN, 'guardian', home], {
    cwd: '/',
    // A session of its own: Ctrl-C in the terminal is for the run, not for who cleans up after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guardian.unref()
  project.provide('clusterHome', home)
  return async () => {
    await clusterIn(home).destroy()
    await rm(home, { recursive: true, force: true })
    guardian.stdin?.end()
  }
}

declare module 'vitest' {
  export interface ProvidedContext {
    clusterHome: string
  }
}
