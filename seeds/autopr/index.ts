/**
 * Seed data for AutoPR. Workflows with actions and triggers, and integrations, come first; then blocks of executions,
 * each with its logs and as many events, so that a block needs nothing but the workflows and can be made again on its
 * own. A retry lies in the block of the execution that it repeats.
 */
import { inBlocks, rowsExpected } from '../../src/seeds/blocks.ts'
import { type SeedDefinition, type SeedPart, USUAL_SIZES } from '../../src/seeds/definition.ts'
import { eventRows } from './events.ts'
import { executionRows, makeExecutions } from './executions.ts'
import { logRows } from './logs.ts'
import * as table from './tables.ts'
import { integrationCount, makeWorld, type World, workflowCount } from './world.ts'

/** Executions a block: some 25,000 rows, a few megabytes. */
const BLOCK = 2000

/** Rows for each execution, measured over fifty thousand of them. */
const PER_EXECUTION: Readonly<Record<string, number>> = {
  workflow_executions: 1,
  execution_logs: 9.5,
  integration_events: 1,
}
/** Rows for each workflow, by the templates. */
const PER_WORKFLOW: Readonly<Record<string, number>> = {
  workflows: 1,
  workflow_actions: 3.3,
  workflow_triggers: 1.3,
}

export const autoprSeeds: SeedDefinition = {
  system: 'autopr',
  unit: 'executions',
  ...USUAL_SIZES,
  // The oldest workflow is 312 days older than the period.
  historyDays: table.DAYS + 313,
  tables: table.tables,

  expectedRows: (size) =>
    rowsExpected(
      table.tables,
      [size, PER_EXECUTION],
      [workflowCount(size), PER_WORKFLOW],
      [integrationCount(size), { integrations: 1 }],
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

function worldPart({ workflows, integrations }: World): SeedPart {
  return {
    loads: [
      { table: table.workflows, rows: () => workflows.map(({ row }) => row) },
      { table: table.actions, rows: () => workflows.flatMap(({ actionRows }) => actionRows) },
      { table: table.triggers, rows: () => workflows.flatMap(({ triggerRows }) => triggerRows) },
      { table: table.integrations, rows: () => integrations.map(({ row }) => row) },
    ],
  }
}

function blockPart(world: World, from: number, to: number): SeedPart {
  const executions = makeExecutions(world, from, to)
  return {
    loads: [
      { table: table.executions, rows: () => executionRows(world, executions) },
      { table: table.logs, rows: () => logRows(world, executions) },
      { table: table.events, rows: () => eventRows(world, from, to) },
    ],
  }
}
