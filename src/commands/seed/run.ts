/** `steward seed run`. */
import type { Moment } from '../../model/moment.ts'
import type { View } from '../../output/view.ts'
import type { Scale } from '../../seeds/definition.ts'
import type { SeedOutcome } from '../../seeds/run.ts'
import { type Context, defineCommand } from '../command.ts'
import { argument, choice, integer, integerOr, moment, toggle } from '../flags.ts'
import { definitionOf, SYSTEMS, seedTarget } from './systems.ts'

export const run = defineCommand({
  name: 'run',
  summary: 'Load seed data',
  description:
    'Loads with COPY and analyzes the tables. A second run changes nothing; one that was interrupted is finished by running it again. Times lie in the 90 days before --until, those of up to 1,000 tasks in the last 30. Small sets have real artifact files in the first file:// store of the profile.',
  examples: [
    { command: 'seed run skyvern', does: 'Load the demo data' },
    { command: 'seed run skyvern --scale medium --seed 7', does: 'Fifty thousand tasks, other ones than by default' },
    { command: 'seed run skyvern --rows 20000 --until 2026-01-01', does: 'A size of your own, the same every day' },
  ],
  effect: 'write',
  args: { system: argument('system to seed', SYSTEMS) },
  flags: {
    scale: choice(['demo', 'small', 'medium', 'large'], 'how much (default demo; steward seed list shows the sizes)'),
    rows: integer('<n>', 'number of tasks, instead of a scale', { min: 1 }),
    seed: integerOr(1, '<n>', 'other numbers give other rows', { min: 0 }),
    until: moment('<date>', 'end of the simulated time, UTC (default: midnight before now)'),
    append: toggle('load beside rows that seeding did not make'),
  },
  run: (context, input) => seedSystem(context, input),
  view: seededView,
})

export interface SeedInput {
  readonly system: string
  readonly scale?: Scale | undefined
  readonly rows?: number | undefined
  readonly seed?: number
  readonly until?: Moment | undefined
  readonly append?: boolean
}

export interface Seeded extends SeedOutcome {
  readonly system: string
  readonly seconds: number
}

/** Seeds one system, as `seed run` does; for commands that seed along the way. */
export async function seedSystem(context: Context, input: SeedInput): Promise<Seeded> {
  const [{ seedRequest }, { decideSeeding, loadsInParts, runSeeds }, { InterruptedError }, { journalRun }] =
    await Promise.all([
      import('../../seeds/request.ts'),
      import('../../seeds/run.ts'),
      import('../../errors.ts'),
      import('../../db/journal.ts'),
    ])
  const definition = await definitionOf(input.system)
  const until = await absolute(input.until)
  const { config, db, schema } = await seedTarget(context, input.system)
  const request = seedRequest(definition, {
    schema,
    scale: input.scale,
    rows: input.rows,
    seed: input.seed ?? 1,
    until,
    now: context.now(),
    append: input.append ?? false,
    stores: config.stores.map(({ url }) => url),
  })
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  const decision = await decideSeeding(db, request)
  if (decision.kind === 'unchanged') {
    const { scale, parameters } = decision.set
    context.ui.note(`Already there: ${sizeText(definition.unit, parameters.size, scale)}. Nothing was changed.`)
    const rows = new Map<string, number>()
    return { system: input.system, status: 'unchanged', scale, parameters, rows, filesWritten: 0, seconds: seconds() }
  }
  const { size, seed } = request
  const plan = { system: input.system, schema, scale: request.scale, size, seed, action: decision.kind }
  const { command, argv, actor } = context
  const outcome = await journalRun(db, { command, argv, actor, plan }, async () => {
    const { ui, signal } = context
    const value = await runSeeds(db, request, { onProgress: ui.progress, signal })
    return { value, counts: { rows: Object.fromEntries(value.rows), files: value.filesWritten } }
  }).catch((error: unknown) => {
    if (error instanceof InterruptedError && loadsInParts(request)) {
      const clear = `steward seed clear ${input.system}`
      context.ui.note(`Whole parts stay: the same command goes on from there, ${clear} removes them.`)
    }
    throw error
  })
  if (request.store === undefined) {
    context.ui.note('The profile has no file:// store, so the artifacts have rows and no files.')
  }
  return { ...outcome, system: input.system, seconds: seconds() }
}

/** `1,000 tasks (small)`. */
function sizeText(unit: string, size: number, scale: string): string {
  return `${size.toLocaleString('en-US')} ${unit} (${scale})`
}

async function absolute(until: Moment | undefined): Promise<string | undefined> {
  if (until === undefined || until.kind === 'at') return until?.instant
  const { UsageError } = await import('../../errors.ts')
  throw new UsageError({
    code: 'invalid-input',
    message: '--until must be a date: what is relative to now gives other rows every time',
    hint: 'Write it as 2026-01-01',
  })
}

function seededView(seeded: Seeded): View {
  const rows = [...seeded.rows]
  const total = rows.reduce((sum, [, count]) => sum + count, 0)
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'tables',
        columns: [
          { key: 'table', kind: 'text' },
          { key: 'rows', kind: 'integer', unit: 'count', summary: 'rows loaded by this run' },
        ],
        rows: rows.map(([table, count]) => ({ table, rows: count })),
        empty: 'No rows were loaded.',
      },
      {
        kind: 'record',
        key: 'seeded',
        columns: [
          { key: 'system', kind: 'text' },
          { key: 'status', kind: 'text', summary: 'loaded, resumed after an interruption, or unchanged' },
          { key: 'scale', kind: 'text' },
          { key: 'size', kind: 'integer', unit: 'count', summary: 'rows of the leading table' },
          { key: 'seed', kind: 'integer' },
          { key: 'until', kind: 'timestamp', summary: 'end of the simulated time' },
          { key: 'rows', kind: 'integer', unit: 'count' },
          { key: 'files', kind: 'integer', unit: 'count', summary: 'artifact files written' },
          { key: 'seconds', kind: 'float', unit: 'seconds' },
          { key: 'rows_per_second', kind: 'integer', unit: 'count' },
        ],
        row: {
          system: seeded.system,
          status: seeded.status,
          scale: seeded.scale,
          size: seeded.parameters.size,
          seed: seeded.parameters.seed,
          until: new Date(seeded.parameters.until / 1000).toISOString(),
          rows: total,
          files: seeded.filesWritten,
          seconds: Math.round(seeded.seconds * 1000) / 1000,
          rows_per_second: seeded.seconds > 0 ? Math.round(total / seeded.seconds) : 0,
        },
      },
    ],
  }
}
