/**
 * Seed data for DevFlow. Projects and the configurations of their agents come first; then blocks of tasks, each with the
 * dependencies, executions, pull requests, validations and events that belong to it, so that a block needs nothing but
 * the projects and can be made again on its own.
 */
import { inBlocks, rowsExpected } from '../../src/seeds/blocks.ts'
import { type SeedDefinition, type SeedPart, USUAL_SIZES } from '../../src/seeds/definition.ts'
import { dependenciesOf, dependencyRows, projectionsOf } from './dependencies.ts'
import { eventRows, projectEventRows } from './events.ts'
import { executionRows } from './executions.ts'
import { pullRequestRows, pullRequestsOf, validationRows } from './pull-requests.ts'
import * as table from './tables.ts'
import { TaskMaker, taskRows } from './tasks.ts'
import { AGENTS_PER_PROJECT, makeWorld, projectCount, type World } from './world.ts'

/** Tasks a block: some 35,000 rows, a few megabytes. */
const BLOCK = 2000

/** Rows for each task, measured over fifty thousand of them. */
const PER_TASK: Readonly<Record<string, number>> = {
  tasks: 1,
  dependencies: 0.55,
  task_executions: 1.2,
  pull_requests: 0.58,
  validations: 3.15,
  workflow_events: 9.3,
}

export const devflowSeeds: SeedDefinition = {
  system: 'devflow',
  unit: 'tasks',
  ...USUAL_SIZES,
  // The oldest project is 301 days older than the period.
  historyDays: table.DAYS + 305,
  tables: table.tables,
  settings: { 'devflow.audit': 'off' },

  expectedRows: (size) =>
    rowsExpected(
      table.tables,
      [projectCount(size), { projects: 1, agent_configurations: AGENTS_PER_PROJECT }],
      [size, PER_TASK],
    ),

  plan(parameters) {
    const world = makeWorld(parameters)
    return inBlocks({
      size: parameters.size,
      block: BLOCK,
      first: () => worldPart(world),
      between: (from, to) => blockPart(world, from, to),
    })
  },
}

function worldPart({ projects }: World): SeedPart {
  return {
    loads: [
      { table: table.projects, rows: () => projects.map(({ row }) => row) },
      { table: table.agents, rows: () => projects.flatMap(({ agentRows }) => agentRows) },
      { table: table.events, rows: () => projectEventRows(projects) },
    ],
  }
}

function blockPart(world: World, from: number, to: number): SeedPart {
  const maker = new TaskMaker(world)
  const tasks = Array.from({ length: to - from }, (_, place) => maker.make(from + place))
  const dependencies = dependenciesOf(world, tasks)
  const pullRequests = pullRequestsOf(world, tasks)
  return {
    loads: [
      { table: table.tasks, rows: () => taskRows(world, tasks, projectionsOf(dependencies)) },
      { table: table.dependencies, rows: () => dependencyRows(dependencies) },
      { table: table.executions, rows: () => executionRows(world, tasks) },
      { table: table.pullRequests, rows: () => pullRequestRows(world, pullRequests) },
      { table: table.validations, rows: () => validationRows(world, pullRequests) },
      {
        table: table.events,
        rows: () => eventRows(tasks, new Map(pullRequests.map((pullRequest) => [pullRequest.task, pullRequest]))),
      },
    ],
  }
}
