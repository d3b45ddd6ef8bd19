/** `steward seed list`. */
import { schemaOf } from '../../config/config.ts'
import { SCALES } from '../../seeds/definition.ts'
import type { SeedSet } from '../../seeds/set.ts'
import { type Context, defineCommand } from '../command.ts'
import { definitionOf, SYSTEMS } from './systems.ts'

export const list = defineCommand({
  name: 'list',
  summary: 'Show what can be seeded, and what is',
  description: 'Rows are estimates over all tables, within a few per cent. It works without a database, too.',
  examples: [
    { command: 'seed list', does: 'Scales, their sizes, and which of them is loaded' },
    { command: 'seed list --json', does: 'The same for another tool' },
  ],
  effect: 'read',
  async run(context) {
    const sets = await loadedSets(context)
    const rows = []
    for (const system of SYSTEMS) {
      const definition = await definitionOf(system)
      const set = sets.get(system)
      const custom = set?.scale === 'custom' ? [{ scale: 'custom', size: set.parameters.size }] : []
      const scales = [...SCALES.map((scale) => ({ scale, size: definition.scales[scale] })), ...custom]
      for (const { scale, size } of scales) {
        const here = set?.scale === scale ? set : undefined
        rows.push({
          system,
          scale,
          size,
          unit: definition.unit,
          rows: [...definition.expectedRows(size).values()].reduce((sum, count) => sum + count, 0),
          state: here === undefined ? null : stateText(here),
          seed: here?.parameters.seed ?? null,
          until: here === undefined ? null : new Date(here.parameters.until / 1000).toISOString(),
        })
      }
    }
    return rows
  },
  view: (rows) => ({
    shape: 'table',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'scale', kind: 'text' },
      { key: 'size', kind: 'integer', unit: 'count' },
      { key: 'unit', label: 'of', kind: 'text' },
      { key: 'rows', label: 'rows, about', kind: 'integer', unit: 'count' },
      { key: 'state', label: 'here', kind: 'text', summary: 'loaded, or how far an interrupted run got' },
      { key: 'seed', kind: 'integer' },
      { key: 'until', kind: 'timestamp', summary: 'end of the simulated time' },
    ],
    rows,
  }),
})

function stateText(set: SeedSet): string {
  if (set.state === 'loaded') return 'loaded'
  return set.state === 'clearing' ? 'half cleared' : `loading: ${set.partsDone} of ${set.parts} parts`
}

/** What is in the database; nothing where there is none. */
async function loadedSets(context: Context): Promise<Map<string, SeedSet>> {
  const [{ readSeedSet }, { ConnectionError }] = await Promise.all([
    import('../../seeds/set.ts'),
    import('../../errors.ts'),
  ])
  const sets = new Map<string, SeedSet>()
  try {
    const [config, db] = await Promise.all([context.config(), context.db()])
    for (const system of SYSTEMS) {
      const set = await readSeedSet(db, system, schemaOf(config, system))
      if (set !== undefined) sets.set(system, set)
    }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    context.ui.note(`What is loaded is not known: ${error.message}`)
  }
  return sets
}
