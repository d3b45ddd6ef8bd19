/** Workflow runs with their blocks and log. */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { LongTail, Weighted, zipf } from '../../src/seeds/distributions.ts'
import { seedId } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import type { Session, Sessions } from './sessions.ts'
import type { TaskStatus } from './tasks.ts'
import { RUN_FAILURES } from './words/failures.ts'
import type { BlockWords } from './words/workflows.ts'
import { blocksOf, IN_FLIGHT, type Organization, type User, type Workflow, type World } from './world.ts'

export interface Run {
  readonly index: number
  readonly id: string
  readonly organization: Organization
  readonly workflow: Workflow
  readonly workflowId: string
  readonly user: User | undefined
  readonly session: Session | undefined
  /** Run states are the tasks' states (decision 11). */
  readonly status: TaskStatus
  readonly failure: string | null
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
  /** Those that were reached. */
  readonly blocks: readonly Block[]
  readonly outputs: string | null
}

type BlockStatus = 'created' | 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'skipped'

interface Block {
  readonly words: BlockWords
  readonly index: number
  readonly status: BlockStatus
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly completedAt: number | undefined
}

/** One run for every five tasks. */
export const TASKS_PER_RUN = 5
/** Limit of a run's length, as for tasks. */
const LONGEST = 90 * MINUTE

export function runCount(tasks: number): number {
  return Math.ceil(tasks / TASKS_PER_RUN)
}

const OUTCOMES = new Weighted<TaskStatus>([
  ['completed', 78],
  ['failed', 13],
  ['cancelled', 5],
  ['terminated', 2],
])
/** The first runs end in each way once, so that the smallest set has every state. */
const FIRST: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'terminated']
const FAILURE = zipf(RUN_FAILURES)
/** Duration of a block relative to its median. */
const BLOCK_PACE = new LongTail(1, 0.6)
const FAILING = new WeakMap<readonly BlockWords[], Weighted<number>>()

/** Makes runs by their number. One maker must not be shared by loops that run at the same time. */
export class RunMaker {
  readonly #world: World
  readonly #random: Random
  readonly #inFlight: number
  readonly #count: number
  readonly #versions = new Map<Workflow, readonly (readonly BlockWords[])[]>()

  constructor(world: World) {
    this.#world = world
    this.#random = new Random(world.parameters.seed, 'runs')
    this.#count = runCount(world.parameters.size)
    this.#inFlight = Math.min(Math.floor(this.#count / 3), 18)
  }

  make(index: number, sessions: Sessions): Run {
    const { parameters, calendar, active, byShare } = this.#world
    const random = this.#random.at(index)
    const fromEnd = this.#count - 1 - index
    const recent = fromEnd < this.#inFlight
    const createdAt = recent
      ? parameters.until - Math.floor(((fromEnd + 0.2 + 0.6 * random.fraction()) * IN_FLIGHT) / this.#inFlight)
      : calendar.at(index, this.#count - this.#inFlight, random)
    const inTurn = active[fromEnd % active.length]
    const organization = recent && inTurn !== undefined ? inTurn : byShare.draw(random)
    const status = recent ? this.#waiting(fromEnd) : (FIRST[index] ?? OUTCOMES.draw(random))
    const workflow = recent ? organization.workflows[0] : random.pick(organization.workflows)
    if (workflow === undefined) throw new RangeError('an organization without workflows')
    // What was current when the run was created; the first version is older than any run.
    let version = workflow.versions.length
    while (version > 1 && (workflow.versions[version - 1]?.createdAt ?? 0) > createdAt) version -= 1
    const current = workflow.versions[version - 1]
    if (current === undefined) throw new RangeError('a workflow without versions')

    const id = seedId('wr', createdAt, index)
    const limit = Math.min(createdAt + LONGEST, parameters.until) - SECOND
    const waits = status === 'created' || status === 'queued' || (status === 'cancelled' && random.chance(0.3))
    const startedAt = waits ? undefined : Math.min(createdAt + random.between(200_000, 6 * SECOND), limit - SECOND)
    const words = this.#blocks(workflow, version)
    const blocks = startedAt === undefined ? [] : blockCourse(random, words, { status, from: startedAt, limit })
    const ended = status === 'created' || status === 'queued' || status === 'running' ? undefined : true
    const end = blocks.at(-1)?.completedAt
    const completedAt = ended && Math.min((end ?? startedAt ?? createdAt) + random.between(50_000, 900_000), limit)
    const session =
      startedAt === undefined
        ? undefined
        : sessions.take(random, {
            organizationId: organization.id,
            startedAt,
            endedAt: completedAt,
            sequence: index * 2 + 1,
          })
    return {
      index,
      id,
      organization,
      workflow,
      workflowId: current.id,
      user: random.chance(0.6) ? random.pick(organization.users) : undefined,
      session,
      status,
      failure:
        status === 'failed' ? FAILURE.draw(random) : status === 'terminated' ? 'Terminated by the operator' : null,
      createdAt,
      startedAt,
      completedAt,
      blocks,
      outputs: status === 'completed' ? JSON.stringify(workflow.words.outputs(random)) : null,
    }
  }

  #waiting(fromEnd: number): TaskStatus {
    const third = this.#inFlight / 3
    if (fromEnd < third) return 'created'
    return fromEnd < 2 * third ? 'queued' : 'running'
  }

  #blocks(workflow: Workflow, version: number): readonly BlockWords[] {
    let versions = this.#versions.get(workflow)
    if (versions === undefined) {
      versions = workflow.versions.map((_, index) => blocksOf(workflow.words, index + 1))
      this.#versions.set(workflow, versions)
    }
    return versions[version - 1] ?? workflow.words.blocks
  }
}

function blockCourse(
  random: Random,
  words: readonly BlockWords[],
  run: { status: TaskStatus; from: number; limit: number },
): Block[] {
  const stop = run.status === 'completed' ? words.length - 1 : stoppingBlock(random, words, run.status)
  const blocks: Block[] = []
  let at = run.from
  for (const [index, block] of words.entries()) {
    const last = index === stop
    const startedAt = Math.min(at + random.between(20_000, 1_200_000), run.limit)
    // Every block has some seconds of overhead; the last one of a failed run often waits for a timeout.
    const slow = last && run.status === 'failed' && random.chance(0.4) ? 2.5 : 1
    const completedAt = Math.min(
      startedAt + Math.floor(block.seconds * slow * BLOCK_PACE.draw(random) * SECOND),
      run.limit,
    )
    if (index > stop) {
      // What comes after a failure is never begun; behind the running block the next one waits.
      if (run.status === 'failed') blocks.push({ ...unreached(block, index, at), status: 'skipped', completedAt: at })
      else if (run.status === 'running' && index === stop + 1) blocks.push(unreached(block, index, at))
      continue
    }
    const status = last ? closing(run.status) : index > 0 && random.chance(0.02) ? 'skipped' : 'completed'
    blocks.push({
      words: block,
      index,
      status,
      createdAt: at,
      startedAt,
      completedAt: status === 'running' ? undefined : status === 'skipped' ? startedAt : completedAt,
    })
    at = status === 'skipped' || status === 'running' ? startedAt : completedAt
  }
  return blocks
}

function unreached(words: BlockWords, index: number, at: number): Block {
  return { words, index, status: 'created', createdAt: at, startedAt: undefined, completedAt: undefined }
}

function stoppingBlock(random: Random, words: readonly BlockWords[], status: TaskStatus): number {
  if (status === 'running') return random.below(words.length - 1)
  if (status !== 'failed') return random.below(words.length)
  let failing = FAILING.get(words)
  if (failing === undefined) {
    failing = new Weighted(words.map((block, index) => [index, block.fails]))
    FAILING.set(words, failing)
  }
  return failing.draw(random)
}

function closing(status: TaskStatus): BlockStatus {
  return status === 'queued' || status === 'created' ? 'created' : status
}

/** Rows of `workflow_runs`. */
export function* runRows(world: World, runs: readonly Run[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'run rows')
  for (const run of runs) {
    const random = source.at(run.index)
    const parameters = run.workflow.words.parameters(random)
    const lastBlock = run.blocks.findLast((block) => block.startedAt !== undefined)
    yield [
      run.id,
      run.workflowId,
      run.organization.id,
      run.user?.id ?? null,
      run.session?.id ?? null,
      run.status,
      lastBlock?.index ?? 0,
      parameters === null ? null : JSON.stringify(parameters),
      run.outputs,
      run.failure,
      timestampText(run.createdAt),
      timestampText(run.completedAt ?? lastBlock?.startedAt ?? run.createdAt),
      run.startedAt === undefined ? null : timestampText(run.startedAt),
      run.completedAt === undefined ? null : timestampText(run.completedAt),
    ]
  }
}

/** Rows of `workflow_blocks`. */
export function* blockRows(runs: readonly Run[]): Generator<SeedRow> {
  for (const run of runs) {
    for (const block of run.blocks) {
      yield [
        seedId('wrb', block.createdAt, run.index * 16 + block.index),
        run.id,
        block.index,
        block.words.type,
        block.words.label,
        block.status,
        block.status === 'completed' ? `{"block": "${block.words.label}", "ok": true}` : null,
        block.status === 'failed' || block.status === 'terminated' ? run.failure : null,
        timestampText(block.createdAt),
        timestampText(block.completedAt ?? block.startedAt ?? block.createdAt),
        block.startedAt === undefined ? null : timestampText(block.startedAt),
        block.completedAt === undefined ? null : timestampText(block.completedAt),
      ]
    }
  }
}

/** Rows of `workflow_run_logs`. */
export function* runLogRows(runs: readonly Run[]): Generator<SeedRow> {
  for (const run of runs) {
    let number = 0
    const line = (level: string, message: string, metadata: string | null, at: number): SeedRow => [
      seedId('wrl', at, run.index * 8 + number++),
      run.id,
      level,
      message,
      metadata,
      timestampText(at),
    ]
    if (run.startedAt !== undefined) yield line('info', 'Run started', null, run.startedAt)
    for (const block of run.blocks) {
      if (block.status !== 'failed' || block.completedAt === undefined) continue
      yield line('error', `Block ${block.words.label} failed`, `{"block_index": ${block.index}}`, block.completedAt)
    }
    if (run.completedAt !== undefined) {
      const level = run.status === 'failed' ? 'error' : run.status === 'completed' ? 'info' : 'warning'
      yield line(level, run.failure === null ? `Run ${run.status}` : run.failure, null, run.completedAt)
    }
  }
}
