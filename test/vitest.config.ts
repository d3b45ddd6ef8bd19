import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import ClosingLine from './support/closing-line.ts'

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    reporters: ['default', new ClosingLine()],
    include: ['test/**/*.test.ts'],
    // The acceptance scripts and the proofs have a configuration of their own.
    exclude: ['test/acceptance/**', 'test/proofs/**', 'node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    // The first hook of a run may have to create the cluster.
    hookTimeout: 60_000,
    // A zone with daylight saving, so that a local time where UTC was meant shows.
    env: { TZ: 'America/New_York' },
  },
})
