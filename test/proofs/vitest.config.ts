/**
 * Proofs: random graphs, random kills, faults. Slow, so apart from the tests; PROOFS_SCALE multiplies how many cases
 * each makes (1 when absent), PROOFS_SEED chooses others, PROOFS_PATH takes fast-check to one of them.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import ClosingLine from '../support/closing-line.ts'

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    reporters: ['default', new ClosingLine()],
    include: ['test/proofs/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 600_000 * Math.max(1, Number(process.env.PROOFS_SCALE ?? 1)),
    hookTimeout: 120_000,
    env: { TZ: 'America/New_York' },
  },
})
