/**
 * Seed data for DevFlow. Projects and the configurations of their agents come first; then blocks of tasks, each with the
 * dependencies, executions, pull requests, validations and events that belong to it, so that a block needs nothing but
 * the projects and can be made again on its own.
 */
import type { SeedDefinition, SeedPart, SeedPlan } from '../../src/seeds/definition.ts'
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
  scales: { demo: 300, small: 5_000, medium: 50_000, large: 1_000_000 },
  maxSize: 2_000_000,
  // The oldest project is 301 days older than the period.
  historyDays: table.DAYS + 305,
  tables: table.tables,
  settings: { 'devflow.audit': 'off' },

  expectedRows(size) {
    const projects = projectCount(size)
    const few: Readonly<Record<string, number>> = {
      projects,
      agent_configurations: projects * AGENTS_PER_PROJECT,
    }
    return new Map(
      table.tables.map(({ table: name }) => [name, Math.round(few[name] ?? size * (PER_TASK[name] ?? 0))]),
    )
  },

  plan(parameters): SeedPlan {
    const world = makeWorld(parameters)
    return {
      parts: 1 + Math.ceil(parameters.size / BLOCK),
      part: (index) => (index === 0 ? worldPart(world) : blockPart(world, index - 1)),
      files: () => [],
    }
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

function blockPart(world: World, block: number): SeedPart {
  const from = block * BLOCK
  const count = Math.min(world.parameters.size - from, BLOCK)
  const maker = new TaskMaker(world)
  const tasks = Array.from({ length: count }, (_, place) => maker.make(from + place))
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
