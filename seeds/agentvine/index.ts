/**
 * Seed data for AgentVine. Users, the fleet and documents come first; then blocks of tasks, each with the orders, tries,
 * logs and conversations that belong to it, so that a block needs nothing but the fleet and can be made again on its own.
 */
import { inBlocks, rowsExpected } from '../../src/seeds/blocks.ts'
import { type SeedDefinition, type SeedPart, USUAL_SIZES } from '../../src/seeds/definition.ts'
import { attachmentRows, messageRows } from './chat.ts'
import { dependencyRows } from './dependencies.ts'
import { documentCount, documentRows, versionRows } from './documents.ts'
import { executionRows, logRows } from './executions.ts'
import { assignmentRows, orderRows } from './orders.ts'
import * as table from './tables.ts'
import { type Task, TaskMaker, taskRows } from './tasks.ts'
import { makeWorld, userCount, type World, workerCount } from './world.ts'

/** Tasks a block: some 25,000 rows, a few megabytes. */
const BLOCK = 2000

/** Rows for each task, measured over fifty thousand of them. */
const PER_TASK: Readonly<Record<string, number>> = {
  tasks: 1,
  task_dependencies: 0.437,
  work_orders: 0.962,
  worker_assignments: 1.3,
  executions: 1.3,
  execution_logs: 8.45,
  chat_messages: 0.66,
  chat_attachments: 0.079,
}

export const agentvineSeeds: SeedDefinition = {
  system: 'agentvine',
  unit: 'tasks',
  ...USUAL_SIZES,
  // The oldest user is 300 days older than the period.
  historyDays: table.DAYS + 301,
  tables: table.tables,

  expectedRows(size) {
    const perUser = { users: 1 }
    const perWorker = { workers: 1, worker_capabilities: 3.5 }
    const perDocument = { context_documents: 1, context_document_versions: 2.375 }
    return rowsExpected(
      table.tables,
      [userCount(size), perUser],
      [workerCount(size), perWorker],
      [documentCount(size), perDocument],
      [size, PER_TASK],
    )
  },

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

function worldPart(world: World): SeedPart {
  return {
    loads: [
      { table: table.users, rows: () => world.users.map(({ row }) => row) },
      { table: table.workers, rows: () => world.workers.map(({ row }) => row) },
      { table: table.capabilities, rows: () => world.workers.flatMap(({ capabilityRows }) => capabilityRows) },
      { table: table.documents, rows: () => documentRows(world) },
      { table: table.versions, rows: () => versionRows(world) },
    ],
  }
}

function blockPart(world: World, from: number, to: number): SeedPart {
  const maker = new TaskMaker(world)
  const tasks: readonly Task[] = Array.from({ length: to - from }, (_, index) => maker.make(from + index))
  // A parent may lie in the block before.
  const idOf = (index: number) => (tasks[index - from] ?? maker.make(index)).id
  return {
    loads: [
      { table: table.tasks, rows: () => taskRows(world, tasks, idOf) },
      { table: table.dependencies, rows: () => dependencyRows(world, tasks) },
      { table: table.orders, rows: () => orderRows(world, tasks) },
      { table: table.assignments, rows: () => assignmentRows(tasks) },
      { table: table.executions, rows: () => executionRows(world, tasks) },
      { table: table.logs, rows: () => logRows(world, tasks) },
      { table: table.messages, rows: () => messageRows(world, tasks) },
      { table: table.attachments, rows: () => attachmentRows(world, tasks) },
    ],
  }
}
