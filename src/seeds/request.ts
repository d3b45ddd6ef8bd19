/** From what was asked for to what is seeded: sizes, times and places, checked together. */
import { type Problem, wrongInput } from '../errors.ts'
import { FileStore } from '../storage/file-store.ts'
import { DAY, SECOND } from './calendar.ts'
import type { Scale, SeedDefinition } from './definition.ts'
import { EPOCH } from './ids.ts'
import type { SeedRequest } from './run.ts'

export interface Asked {
  readonly schema: string
  readonly scale: Scale | undefined
  /** Instead of a scale. */
  readonly rows: number | undefined
  readonly seed: number
  /** ISO 8601; the midnight (UTC) before `now` when absent. */
  readonly until: string | undefined
  readonly now: Date
  readonly append: boolean
  /** URLs of the profile's artifact stores, in order. */
  readonly stores: readonly string[]
}

/**
 * Checks what was asked for.
 *
 * @throws UsageError with every problem
 */
export function seedRequest(definition: SeedDefinition, asked: Asked): SeedRequest {
  const { schema, scale, rows, seed, now, append, stores } = asked
  const until = asked.until === undefined ? undefined : Date.parse(asked.until) * 1000
  const problems = [...sizeProblems(definition, asked), ...untilProblems(definition, until, now)]
  if (problems.length > 0) {
    const hint = 'steward seed list shows the scales; steward seed run --help the flags'
    throw wrongInput(problems, hint, 'the input')
  }
  const fileStore = stores.find((url) => url.startsWith('file:'))
  const store =
    fileStore === undefined ? undefined : new FileStore({ name: 'seeds', url: fileStore }, { durable: false })
  const root = store?.url ?? stores[0]?.replace(/\/$/, '') ?? `s3://${definition.system}-artifacts`
  return {
    definition,
    schema,
    scale: rows === undefined ? (scale ?? 'demo') : 'custom',
    size: rows ?? definition.scales[scale ?? 'demo'],
    seed,
    until,
    fallbackUntil: Math.floor(now.getTime() / 86_400_000) * DAY,
    artifactRoot: `${root}/${schema}`,
    store,
    append,
  }
}

function sizeProblems(definition: SeedDefinition, { scale, rows }: Asked): Problem[] {
  if (rows === undefined) return []
  if (scale !== undefined) return [{ where: '--rows', reason: 'and --scale both say how much; give one of them' }]
  if (rows >= 1 && rows <= definition.maxSize) return []
  return [{ where: '--rows', reason: `must be from 1 to ${definition.maxSize} ${definition.unit}` }]
}

function untilProblems(definition: SeedDefinition, until: number | undefined, now: Date): Problem[] {
  if (until === undefined) return []
  // Ids must not begin before their epoch, and whoever makes ids after the load makes later ones (see ids.ts).
  const earliest = EPOCH * SECOND + definition.historyDays * DAY
  if (until < earliest) {
    return [
      { where: '--until', reason: `must not be before ${new Date(earliest / 1000).toISOString().slice(0, 10)}` },
    ]
  }
  if (until > now.getTime() * 1000) return [{ where: '--until', reason: 'must not be in the future' }]
  return []
}
