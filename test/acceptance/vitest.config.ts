import { defineConfig } from 'vitest/config'
import ClosingLine from '../support/closing-line.ts'

export default defineConfig({
  test: {
    root: import.meta.dirname,
    reporters: ['default', new ClosingLine()],
    include: ['**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
})
