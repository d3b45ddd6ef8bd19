/**
 * Every migration that is compiled in, by system, in order. `steward` is Steward's own schema and always goes
 * first. Loaded on demand, so that only the migrate commands pay for it.
 */
import type { Migration } from '../src/model/migration.ts'

export const migrations: Readonly<Record<string, () => Promise<readonly Migration[]>>> = {
  steward: async () => (await import('./steward/index.ts')).default,
  skyvern: async () => (await import('./skyvern/index.ts')).default,
  autopr: async () => (await import('./autopr/index.ts')).default,
  agensium: async () => (await import('./agensium/index.ts')).default,
  agentvine: async () => (await import('./agentvine/index.ts')).default,
  devflow: async () => (await import('./devflow/index.ts')).default,
}
