/** Every system's seed data that is compiled in, loaded on demand. */
import type { SeedDefinition } from '../src/seeds/definition.ts'

export const seeds: Readonly<Record<string, () => Promise<SeedDefinition>>> = {
  skyvern: async () => (await import('./skyvern/index.ts')).skyvernSeeds,
  autopr: async () => (await import('./autopr/index.ts')).autoprSeeds,
  agensium: async () => (await import('./agensium/index.ts')).agensiumSeeds,
  agentvine: async () => (await import('./agentvine/index.ts')).agentvineSeeds,
  devflow: async () => (await import('./devflow/index.ts')).devflowSeeds,
}
