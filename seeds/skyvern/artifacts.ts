/** Artifacts of tasks and runs, and the screenshots of steps. Where the set is small, each has a real file. */
import { timestampText } from '../../src/seeds/calendar.ts'
import type { SeedFile, SeedRow } from '../../src/seeds/definition.ts'
import { LongTail } from '../../src/seeds/distributions.ts'
import { SEQUENCES, seedId } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { type FileFacts, fileContent } from './files/content.ts'
import type { Run } from './runs.ts'
import { within } from './steps.ts'
import type { Task } from './tasks.ts'
import type { World } from './world.ts'

export type ArtifactType =
  | 'screenshot_action'
  | 'screenshot_llm'
  | 'screenshot_step'
  | 'recording'
  | 'har_file'
  | 'extracted_data'
  | 'downloaded_file'
  | 'browser_logs'
  | 'network_logs'

interface Kind {
  readonly extension: string
  readonly contentType: string
  /** Bytes, where there is no real file. */
  readonly size: LongTail
}

const KINDS: Readonly<Record<ArtifactType, Kind>> = {
  screenshot_action: { extension: 'png', contentType: 'image/png', size: new LongTail(140_000, 0.6) },
  screenshot_llm: { extension: 'png', contentType: 'image/png', size: new LongTail(210_000, 0.5) },
  screenshot_step: { extension: 'png', contentType: 'image/png', size: new LongTail(180_000, 0.6) },
  recording: { extension: 'webm', contentType: 'video/webm', size: new LongTail(6_000_000, 0.9) },
  har_file: { extension: 'har', contentType: 'application/json', size: new LongTail(900_000, 1) },
  extracted_data: { extension: 'json', contentType: 'application/json', size: new LongTail(1500, 1) },
  downloaded_file: { extension: 'pdf', contentType: 'application/pdf', size: new LongTail(260_000, 1.1) },
  browser_logs: { extension: 'log', contentType: 'text/plain; charset=utf-8', size: new LongTail(18_000, 0.9) },
  network_logs: { extension: 'ndjson', contentType: 'application/x-ndjson', size: new LongTail(75_000, 0.9) },
}

/** Sets up to this size have a real file for each artifact. */
export const MOST_WITH_FILES = 1000

export interface Artifact {
  readonly id: string
  readonly taskId: string | null
  readonly stepId: string | null
  readonly runId: string | null
  readonly organizationId: string
  readonly type: ArtifactType
  readonly uri: string
  readonly createdAt: number
  readonly facts: FileFacts
}

/** Artifacts of tasks in the order of the tasks, then those of runs. */
export function* artifactsOf(world: World, tasks: readonly Task[], runs: readonly Run[]): Generator<Artifact> {
  const random = new Random(world.parameters.seed, 'artifacts')
  for (const task of tasks) yield* ofTask(world, task, random)
  const ofRuns = new Random(world.parameters.seed, 'artifacts of runs')
  for (const run of runs) yield* ofRun(world, run, ofRuns)
}

function* ofTask(world: World, task: Task, random: Random): Generator<Artifact> {
  const { artifactRoot, until } = world.parameters
  const directory = `${artifactRoot}/${task.organization.id}/${task.id}`
  let number = 0
  const make = (type: ArtifactType, stepId: string | null, createdAt: number): Artifact => {
    // The lower half of the sequence numbers belongs to tasks, the upper one to runs.
    const id = seedId('a', createdAt, (task.index * 64 + number++) % (SEQUENCES / 2))
    return {
      id,
      taskId: task.id,
      stepId,
      runId: null,
      organizationId: task.organization.id,
      type,
      uri: `${directory}/${id}.${KINDS[type].extension}`,
      createdAt,
      facts: { type, seed: world.parameters.seed, number: task.index * 64 + number, task },
    }
  }
  for (const step of task.steps) {
    if (step.startedAt === undefined) continue
    random.at(step.number)
    if (random.chance(0.07)) yield make('screenshot_action', step.id, within(step, 0, 3, until))
    if (random.chance(0.04)) yield make('screenshot_llm', step.id, within(step, 1, 3, until))
    if (step.completedAt !== undefined && random.chance(0.3)) yield make('screenshot_step', step.id, step.completedAt)
  }
  random.at(task.index * 16)
  if (task.startedAt === undefined || task.completedAt === undefined) return
  const last = task.steps.at(-1)
  const lastId = last?.id ?? null
  const at = last?.completedAt ?? task.completedAt
  if (task.extracted !== null) yield make('extracted_data', lastId, at)
  if (task.site.downloads && task.status === 'completed') yield make('downloaded_file', lastId, at)
  if (random.chance(0.12)) yield make('recording', null, task.completedAt)
  if (random.chance(0.08)) yield make('har_file', null, task.completedAt)
  // Logs are kept for nearly every failure, and for some of the others.
  if (random.chance(task.status === 'failed' ? 0.9 : 0.08)) yield make('browser_logs', null, task.completedAt)
  if (random.chance(task.status === 'failed' ? 0.4 : 0.05)) yield make('network_logs', null, task.completedAt)
}

function* ofRun(world: World, run: Run, random: Random): Generator<Artifact> {
  random.at(run.index)
  if (run.completedAt === undefined || run.startedAt === undefined) return
  const completedAt = run.completedAt
  const types: ArtifactType[] = [
    ...(random.chance(0.3) ? (['recording'] as const) : []),
    ...(random.chance(0.25) ? (['downloaded_file'] as const) : []),
    ...(random.chance(0.1) ? (['har_file'] as const) : []),
  ]
  for (const [number, type] of types.entries()) {
    const id = seedId('a', completedAt, SEQUENCES / 2 + ((run.index * 4 + number) % (SEQUENCES / 2)))
    yield {
      id,
      taskId: null,
      stepId: null,
      runId: run.id,
      organizationId: run.organization.id,
      type,
      uri: `${world.parameters.artifactRoot}/${run.organization.id}/${run.id}/${id}.${KINDS[type].extension}`,
      createdAt: completedAt,
      facts: { type, seed: world.parameters.seed, number: -1 - run.index * 4 - number, task: undefined },
    }
  }
}

/** Rows of `artifacts`. */
export function* artifactRows(world: World, artifacts: Iterable<Artifact>): Generator<SeedRow> {
  const real = world.parameters.size <= MOST_WITH_FILES
  const random = new Random(world.parameters.seed, 'artifact sizes')
  for (const artifact of artifacts) {
    const kind = KINDS[artifact.type]
    random.at(Math.abs(artifact.facts.number) * 2 + (artifact.runId === null ? 0 : 1))
    const bytes = real ? fileContent(artifact.facts).length : Math.round(kind.size.draw(random))
    yield [
      artifact.id,
      artifact.taskId,
      artifact.stepId,
      artifact.runId,
      artifact.organizationId,
      artifact.type,
      artifact.uri,
      null,
      // Some writers of artifacts do not know the size.
      !real && random.chance(0.01) ? null : bytes,
      kind.contentType,
      timestampText(artifact.createdAt),
    ]
  }
}

/** Rows of `screenshots`: one for each picture taken at the end of a step. */
export function* screenshotRows(artifacts: Iterable<Artifact>): Generator<SeedRow> {
  for (const { id, type, stepId, uri, createdAt } of artifacts) {
    if (type !== 'screenshot_step' || stepId === null) continue
    // A step has one such artifact, whose number serves the screenshot too.
    yield [id.replace('a_', 'scr_'), stepId, id, uri, timestampText(createdAt)]
  }
}

export function* artifactFiles(artifacts: Iterable<Artifact>): Generator<SeedFile> {
  for (const { uri, facts } of artifacts) yield { uri, content: () => fileContent(facts) }
}
