/**
 * Seed data for Skyvern. Organizations, users, keys and workflows come first; then blocks of tasks, each with the
 * runs, sessions and children that belong to it, so that a block needs nothing but the organizations and can be made
 * again on its own.
 */
import { inBlocks, rowsExpected } from '../../src/seeds/blocks.ts'
import { type SeedDefinition, type SeedPart, USUAL_SIZES } from '../../src/seeds/definition.ts'
import { Random } from '../../src/seeds/random.ts'
import { actionRows } from './actions.ts'
import { artifactFiles, artifactRows, artifactsOf, MOST_WITH_FILES, screenshotRows } from './artifacts.ts'
import { stepLogRows, taskLogRows } from './logs.ts'
import { blockRows, type Run, RunMaker, runCount, runLogRows, runRows, TASKS_PER_RUN } from './runs.ts'
import { Sessions, sessionRow } from './sessions.ts'
import { stepRows } from './steps.ts'
import * as table from './tables.ts'
import { type Task, TaskMaker, taskRows } from './tasks.ts'
import { DAYS, makeWorld, organizationCount, organizationRow, type World } from './world.ts'

/** Tasks a block: some 60,000 rows, a few megabytes. A multiple of TASKS_PER_RUN. */
const BLOCK = 2000

/** Rows for each task, measured over a hundred thousand of them. */
const PER_TASK: Readonly<Record<string, number>> = {
  browser_sessions: 0.34,
  workflow_runs: 1 / TASKS_PER_RUN,
  workflow_blocks: 0.71,
  workflow_run_logs: 0.42,
  tasks: 1,
  steps: 4.45,
  actions: 10.55,
  artifacts: 3.36,
  screenshots: 1.33,
  task_logs: 2.96,
  step_logs: 2.47,
}
/** Rows for each organization, likewise. */
const PER_ORGANIZATION: Readonly<Record<string, number>> = {
  organizations: 1,
  users: 10,
  api_keys: 2,
  workflows: 5.5,
}

export const skyvernSeeds: SeedDefinition = {
  system: 'skyvern',
  unit: 'tasks',
  ...USUAL_SIZES,
  // The oldest organization is 624 days older than the period.
  historyDays: DAYS + 625,
  tables: table.tables,

  expectedRows: (size) => rowsExpected(table.tables, [size, PER_TASK], [organizationCount(size), PER_ORGANIZATION]),

  plan(parameters) {
    const world = makeWorld(parameters)
    return inBlocks({
      size: parameters.size,
      block: BLOCK,
      first: () => worldPart(world),
      between: (from, to) => blockPart(world, makeBlock(world, from, to)),
      ...(parameters.size <= MOST_WITH_FILES && {
        files: (from: number, to: number) => {
          const { tasks, runs } = makeBlock(world, from, to)
          return artifactFiles(artifactsOf(world, tasks, runs))
        },
      }),
    })
  },
}

interface Block {
  readonly tasks: readonly Task[]
  readonly runs: readonly Run[]
  readonly sessions: Sessions
}

function makeBlock(world: World, from: number, to: number): Block {
  const sessions = new Sessions()
  const tasks = numbers(from, to)
  const lastRun = Math.min(runCount(world.parameters.size), (from + BLOCK) / TASKS_PER_RUN)
  const runs = numbers(from / TASKS_PER_RUN, lastRun)
  const taskMaker = new TaskMaker(world)
  const runMaker = new RunMaker(world)
  return {
    tasks: tasks.map((task) => taskMaker.make(task, sessions)),
    runs: runs.map((run) => runMaker.make(run, sessions)),
    sessions,
  }
}

function worldPart(world: World): SeedPart {
  const { organizations } = world
  return {
    loads: [
      { table: table.organizations, rows: () => organizations.map(organizationRow) },
      { table: table.users, rows: () => organizations.flatMap(({ users }) => users.map(({ row }) => row)) },
      { table: table.apiKeys, rows: () => world.apiKeys },
      {
        table: table.workflows,
        rows: () =>
          organizations.flatMap(({ workflows }) =>
            workflows.flatMap(({ versions }) => versions.map((version) => version.row)),
          ),
      },
    ],
  }
}

function blockPart(world: World, { tasks, runs, sessions }: Block): SeedPart {
  const { parameters } = world
  const random = (stream: string) => new Random(parameters.seed, stream)
  const artifacts = [...artifactsOf(world, tasks, runs)]
  return {
    loads: [
      {
        table: table.browserSessions,
        rows: () => sessions.all.map((session) => sessionRow(session, parameters.until)),
      },
      { table: table.workflowRuns, rows: () => runRows(world, runs) },
      { table: table.workflowBlocks, rows: () => blockRows(runs) },
      { table: table.workflowRunLogs, rows: () => runLogRows(runs) },
      { table: table.tasks, rows: () => taskRows(world, tasks) },
      { table: table.steps, rows: () => stepRows(random('step rows'), tasks) },
      { table: table.actions, rows: () => actionRows(random('actions'), tasks, parameters.until) },
      { table: table.artifacts, rows: () => artifactRows(world, artifacts) },
      { table: table.screenshots, rows: () => screenshotRows(artifacts) },
      { table: table.taskLogs, rows: () => taskLogRows(random('task logs'), tasks) },
      { table: table.stepLogs, rows: () => stepLogRows(random('step logs'), tasks) },
    ],
  }
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
}
