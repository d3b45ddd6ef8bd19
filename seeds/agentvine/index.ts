/**
 * Seed data for AgentVine. Users, the fleet and documents come first; then blocks of tasks, each with the orders, tries,
 * logs and conversations that belong to it, so that a block needs nothing but the fleet and can be made again on its own.
 */
import type { SeedDefinition, SeedPart, SeedPlan } from '../../src/seeds/definition.ts'
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
  scales: { demo: 300, small: 5_000, medium: 50_000, large: 1_000_000 },
  maxSize: 2_000_000,
  // The oldest user is 300 days older than the period.
  historyDays: table.DAYS + 301,
  tables: table.tables,

  expectedRows(size) {
    const few: Readonly<Record<string, number>> = {
      users: userCount(size),
      workers: workerCount(size),
      worker_capabilities: Math.round(workerCount(size) * 3.5),
      context_documents: documentCount(size),
      context_document_versions: Math.round(documentCount(size) * 2.375),
    }
    return new Map(
      table.tables.map(({ table: name }) => [name, few[name] ?? Math.round(size * (PER_TASK[name] ?? 0))]),
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

function blockPart(world: World, block: number): SeedPart {
  const from = block * BLOCK
  const maker = new TaskMaker(world)
  const count = Math.min(world.parameters.size - from, BLOCK)
  const tasks: readonly Task[] = Array.from({ length: count }, (_, index) => maker.make(from + index))
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
